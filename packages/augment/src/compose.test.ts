import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  brightness,
  colorJitter,
  compose,
  type Draws,
  hue,
  type Image,
  multiCrop,
  normalize,
  randomBlur,
  randomFlip,
  randomGrayscale,
  randomResizedCrop,
  randomSolarize,
  recipes,
  solarize,
  viewSteps,
} from './index.js'

vi.setConfig({ testTimeout: 60_000 })

function noise(channels: Image['channels']): Image {
  return {
    data: Uint8Array.from({ length: 60 * 45 * channels }, (_, i) => (i * i * 31 + i * 17) % 251),
    width: 60,
    height: 45,
    channels,
  }
}
const rgb = noise(3)
const key = fc.record({ seed: fc.nat(), epoch: fc.nat(1000), sample: fc.nat(), view: fc.nat(9) })

test("the parts, composed, are the multi-crop's views: same draws, same bytes, whatever the channels", () => {
  const augment = multiCrop({ globalSize: 16, localSize: 8, localCrops: 1 })
  const view = (size: number, scale: [number, number], blur: number, p: number) =>
    compose([
      randomResizedCrop({ size, scale }),
      randomFlip(),
      colorJitter(),
      randomGrayscale(),
      randomBlur({ p: blur }),
      randomSolarize({ p }),
    ])
  const pipelines = [view(16, [0.4, 1], 1, 0), view(16, [0.4, 1], 0.1, 0.2), view(8, [0.05, 0.4], 0.5, 0)]
  fc.assert(
    fc.property(key, fc.constantFrom<Image['channels']>(1, 3, 4), (k, channels) => {
      const image = noise(channels)
      const composed = pipelines.map((each, view) => each.apply(image, each.plan({ ...k, view })).data)
      expect(composed).toEqual(augment.apply(image, augment.plan(k)))
    }),
  )
})

test('a plan is plain data: its JSON replays the same image, whatever was drawn in between', () => {
  const shift = (image: Image, draws: Draws) => brightness(image, draws.uniform(0.5, 1.5))
  const augment = compose([randomResizedCrop({ size: 12 }), shift, colorJitter({ hue: 0 }), shift, solarize])
  expect(augment.ops).toEqual(['crop', 'shift', 'jitter', 'shift#2', 'solarize'])
  fc.assert(
    fc.property(key, key, (k, other) => {
      const plan = augment.plan(k)
      const out = augment.apply(rgb, plan)
      augment.apply(rgb, augment.plan(other))
      expect(augment.plan(k)).toEqual(plan)
      expect(augment.apply(rgb, JSON.parse(JSON.stringify(plan)))).toEqual(out)
    }),
  )
})

test('seed, epoch, sample and view each change what a function draws, and so does its place among others of its name', () => {
  const drawn: number[] = []
  const note = (image: Image, draws: Draws) => {
    drawn.push(draws.uniform())
    return image
  }
  const augment = compose([note, note])
  for (const k of [{}, { seed: 1 }, { epoch: 1 }, { sample: 1 }, { view: 1 }])
    augment.apply(rgb, augment.plan({ seed: 0, epoch: 0, sample: 0, ...k }))
  expect(new Set(drawn).size).toBe(10)
})

test('one step does not change the draws of another', () => {
  const alone = compose([colorJitter()])
  const among = compose([
    (image: Image, draws: Draws) => brightness(image, draws.uniform()),
    randomFlip(),
    colorJitter(),
  ])
  fc.assert(
    fc.property(key, (k) => {
      expect(among.plan(k)[2]).toEqual(alone.plan(k)[0])
    }),
  )
})

test('a step that does not fire is null in the plan, and leaves the image', () => {
  const augment = compose([randomFlip({ p: 0 }), randomBlur({ p: 0 })])
  const plan = augment.plan({ seed: 0, epoch: 0, sample: 0 })
  expect(plan).toEqual([
    { op: 'flip', params: null },
    { op: 'blur', params: null },
  ])
  expect(augment.apply(rgb, plan)).toEqual(rgb)
})

test('the last function may make something else of the image', () => {
  const augment = compose([
    randomResizedCrop({ size: 8 }),
    (image, draws) => hue(image, draws.uniform(-0.1, 0.1)),
    normalize,
  ])
  const values: Float32Array = augment.apply(rgb, augment.plan({ seed: 0, epoch: 0, sample: 0 }))
  expect(values).toHaveLength(8 * 8 * 3)
})

describe('refused, with what to do', () => {
  const nothing = (() => {}) as unknown as (image: Image) => Image
  const plan = (steps: Parameters<typeof compose>[0]) => {
    const augment = compose(steps)
    return augment.apply(rgb, augment.plan({ seed: 0, epoch: 0, sample: 0 }))
  }
  test.each<[string, () => unknown, string]>([
    ['a misspelt option', () => randomResizedCrop({ size: 8, scal: [0, 1] } as never), "Did you mean 'scale'?"],
    ['a misspelt option of flip', () => randomFlip({ P: 1 } as never), "Did you mean 'p'?"],
    ['a misspelt option of jitter', () => colorJitter({ contarst: 1 } as never), "Did you mean 'contrast'?"],
    ['a misspelt option of blur', () => randomBlur({ sgima: [0, 1] } as never), "Did you mean 'sigma'?"],
    ['a misspelt option of solarize', () => randomSolarize({ treshold: 1 } as never), "Did you mean 'threshold'?"],
    ['a misspelt option of grayscale', () => randomGrayscale({ q: 1 } as never), "Did you mean 'p'?"],
    ['no size', () => randomResizedCrop({} as never), 'size to be a whole number from 1 to 16384'],
    ['a scale above 1', () => randomResizedCrop({ size: 8, scale: [0.1, 2] }), 'scale[1] to be a finite number'],
    ['a probability of 2', () => randomFlip({ p: 2 }), 'p to be a finite number from 0 to 1, got 2'],
    ['a sigma the wrong way round', () => randomBlur({ sigma: [2, 1] }), 'sigma to be [low, high], got [2,1]'],
    ['a hue of 0.7', () => colorJitter({ hue: 0.7 }), 'colorJitter: expected hue to be a finite number from 0 to 0.5'],
    ['a step that is none', () => compose([5 as never]), 'expected step 0 to be a transform or a function, got number'],
    ['a step that returns nothing', () => plan([nothing]), "expected step 'nothing' to return an image, got nothing"],
    [
      'a number in the middle',
      () => plan([() => 5, randomFlip()]),
      "expected step 'custom' to return an image, as another step follows it",
    ],
    [
      'the plan of another pipeline',
      () => compose([randomFlip()]).apply(rgb, compose([randomBlur()]).plan({ seed: 0, epoch: 0, sample: 0 })),
      'expected a plan of [flip], got [blur]',
    ],
    ['half a sample', () => compose([]).plan({ seed: 0, epoch: 0, sample: 0.5 }), 'sample to be a whole number'],
  ])('%s', (_, call, message) => expect(call).toThrow(message))
})

test('the steps of a view end in the view', () => {
  const augment = multiCrop({ globalSize: 16, localSize: 8, localCrops: 2, solarize: [0.5, 0.5, 0.5] })
  fc.assert(
    fc.property(key, (k) => {
      const plan = augment.plan(k)
      expect(plan.map((view) => viewSteps(rgb, view).at(-1)!.image.data)).toEqual(augment.apply(rgb, plan))
    }),
  )
})

test.each(Object.entries(recipes))('the recipe %s is a multi-crop, and can be changed', (_, recipe) => {
  const { views } = multiCrop({ ...recipe, globalSize: 16, localSize: 8 })
  expect(views.map(({ size }) => size)).toEqual([16, 16, ...views.slice(2).map(() => 8)])
})

test('DINOv2 never blurs its first global view, and nine in ten of the second', () => {
  const { plan } = multiCrop(recipes.dinov2)
  const views = Array.from({ length: 1000 }, (_, sample) => plan({ seed: 0, epoch: 0, sample }))
  expect(views.some(([first]) => first!.blur !== null)).toBe(false)
  expect(Math.abs(views.filter(([, second]) => second!.blur !== null).length - 900)).toBeLessThan(38) // 4 deviations
})
