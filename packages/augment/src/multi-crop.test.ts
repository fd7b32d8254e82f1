import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  brightness,
  contrast,
  cropBox,
  gaussianBlur,
  grayscale,
  hue,
  type Image,
  multiCrop,
  resizedCrop,
  saturation,
  solarize,
  type ViewPlan,
} from './index.js'

vi.setConfig({ testTimeout: 60_000 })

const noise: Image = {
  data: Uint8Array.from({ length: 60 * 45 * 3 }, (_, i) => (i * i * 31 + i * 17) % 251),
  width: 60,
  height: 45,
  channels: 3,
}
const small = { globalSize: 16, localSize: 8, localCrops: 3 }
const key = fc.record({ seed: fc.nat(), epoch: fc.nat(1000), sample: fc.nat() })

test('ten views by default: two of 224, eight of 96', () => {
  const augment = multiCrop()
  expect(augment.views.map(({ kind, size }) => `${kind} ${size}`)).toEqual([
    ...Array(2).fill('global 224'),
    ...Array(8).fill('local 96'),
  ])
  const views = augment.apply(noise, augment.plan({ seed: 0, epoch: 0, sample: 0 }))
  expect(views.map(({ length }) => length)).toEqual([...Array(2).fill(224 * 224 * 3), ...Array(8).fill(96 * 96 * 3)])
})

test('one global view is the first of two, with or without local ones', () => {
  fc.assert(
    fc.property(key, (k) => {
      const [first, second] = multiCrop({ ...small, localCrops: 0 }).plan(k)
      expect(multiCrop({ ...small, globalCrops: 1, localCrops: 0 }).plan(k)).toEqual([first])
      const [global, ...locals] = multiCrop({ ...small, globalCrops: 1 }).plan(k)
      expect(global).toEqual(first)
      expect(locals.map(({ size }) => size)).toEqual([8, 8, 8])
      expect(second!.size).toBe(16)
    }),
  )
})

test('a plan is plain data: its JSON replays the same bytes, whatever was drawn in between', () => {
  const augment = multiCrop(small)
  fc.assert(
    fc.property(key, key, (k, other) => {
      const plan = augment.plan(k)
      const views = augment.apply(noise, plan)
      augment.apply(noise, augment.plan(other))
      expect(augment.plan(k)).toEqual(plan)
      expect(multiCrop().apply(noise, JSON.parse(JSON.stringify(plan)))).toEqual(views)
    }),
  )
})

test('the views are the operations one by one, in the order of the reference', () => {
  const jitter = { brightness, contrast, saturation, hue }
  const augment = multiCrop({ ...small, blur: [1, 0.5, 0.5], solarize: [0.5, 0.5, 0.5] })
  const step = (image: Image, { crop, size, flip, jitter: steps, ...view }: ViewPlan) => {
    let out = resizedCrop(image, { ...cropBox(crop, image.width, image.height), size, flip })
    for (const { op, factor } of steps) out = jitter[op](out, factor)
    if (view.grayscale) out = grayscale(out)
    if (view.blur !== null) out = gaussianBlur(out, view.blur)
    if (view.solarize !== null) out = solarize(out, view.solarize)
    return out.data
  }
  fc.assert(
    fc.property(key, (k) => {
      const plan = augment.plan(k)
      expect(augment.apply(noise, plan)).toEqual(plan.map((view) => step(noise, view)))
    }),
  )
})

test('seed, epoch, sample and view each change the draws', () => {
  const augment = multiCrop()
  const of = (seed: number, epoch: number, sample: number) => augment.plan({ seed, epoch, sample })
  const plans = [of(0, 0, 0), of(1, 0, 0), of(0, 1, 0), of(0, 0, 1)].flat()
  const crops = plans.map(({ crop }) => crop.top)
  expect(new Set(crops).size).toBe(crops.length)
})

test('views of any channels are written where the caller says', () => {
  const augment = multiCrop(small)
  const plan = augment.plan({ seed: 3, epoch: 0, sample: 9 })
  for (const channels of [1, 3, 4] as const) {
    const image = { ...noise, data: noise.data.slice(0, 30 * 20 * channels), width: 30, height: 20, channels }
    const into = augment.views.map(({ size }) => new Uint8Array(new SharedArrayBuffer(size * size * channels)))
    expect(augment.apply(image, plan, into)).toEqual(into)
    expect(into.map((view) => Array.from(view))).toEqual(augment.apply(image, plan).map((view) => Array.from(view)))
  }
})

describe('the crop', () => {
  test('lies inside images of every shape', () => {
    const sides = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 16384 }))
    const { plan } = multiCrop({ localCrops: 1 })
    fc.assert(
      fc.property(key, sides, sides, (k, width, height) => {
        for (const { crop } of plan(k)) {
          const box = cropBox(crop, width, height)
          expect(Math.min(box.top, box.left)).toBeGreaterThanOrEqual(0)
          expect(Math.min(box.height, box.width)).toBeGreaterThanOrEqual(1)
          expect(box.top + box.height).toBeLessThanOrEqual(height)
          expect(box.left + box.width).toBeLessThanOrEqual(width)
        }
      }),
    )
  })

  test('falls back to the middle of an image that is too long, as torchvision does', () => {
    const [view] = multiCrop().plan({ seed: 0, epoch: 0, sample: 0 })
    expect(cropBox(view!.crop, 200, 5)).toEqual({ top: 0, left: 96, height: 5, width: 7 })
    expect(cropBox(view!.crop, 5, 200)).toEqual({ top: 96, left: 0, height: 7, width: 5 })
    const tries = [[1, 4]] as [number, number][] // never fits
    expect(cropBox({ ...view!.crop, tries }, 12, 11)).toEqual({ top: 0, left: 0, height: 11, width: 12 })
  })

  test('rounds a half to the even number, as Python does', () => {
    const crop = (side: number) => ({
      tries: [[side ** 2 / 100, 1]] as [number, number][],
      ratio: [1, 1] as [number, number],
      top: 0,
      left: 0,
    })
    expect(cropBox(crop(2.5), 10, 10).width).toBe(2)
    expect(cropBox(crop(3.5), 10, 10).width).toBe(4)
  })
})

describe('options', () => {
  test('an explicit undefined is the default', () => {
    expect(
      multiCrop({ globalSize: undefined, jitter: { hue: undefined } }).plan({ seed: 1, epoch: 1, sample: 1 }),
    ).toEqual(multiCrop().plan({ seed: 1, epoch: 1, sample: 1 }))
  })

  test('an operation of range 0 is left out: not even the way to HSV and back is made', () => {
    const { plan } = multiCrop({ jitter: { p: 1, hue: 0, contrast: 0 } })
    const ops = plan({ seed: 0, epoch: 0, sample: 0 }).map(({ jitter }) =>
      jitter
        .map(({ op }) => op)
        .sort()
        .join(),
    )
    expect(new Set(ops)).toEqual(new Set(['brightness,saturation']))
  })

  test('probabilities 0 and 1 are never and always', () => {
    const never = multiCrop({ flip: 0, jitter: { p: 0 }, grayscale: 0, blur: [0, 0, 0], solarize: [0, 0, 0] })
    const always = multiCrop({ flip: 1, jitter: { p: 1 }, grayscale: 1, blur: [1, 1, 1], solarize: [1, 1, 1] })
    for (let sample = 0; sample < 200; sample++) {
      for (const v of never.plan({ seed: 0, epoch: 0, sample }))
        expect([v.flip, v.jitter, v.grayscale, v.blur, v.solarize]).toEqual([false, [], false, null, null])
      for (const v of always.plan({ seed: 0, epoch: 0, sample }))
        expect([v.flip, v.jitter.length, v.grayscale, v.blur !== null, v.solarize]).toEqual([true, 4, true, true, 128])
    }
  })

  const bad: [string, object, string][] = [
    ['a misspelt name', { localCorps: 6 }, "unknown option 'localCorps'. Did you mean 'localCrops'?"],
    [
      'a misspelt name in jitter',
      { jitter: { contarst: 1 } },
      "jitter: unknown option 'contarst'. Did you mean 'contrast'?",
    ],
    ['a size of 0', { globalSize: 0 }, 'globalSize to be a whole number from 1 to 16384, got 0'],
    ['three global views', { globalCrops: 3 }, 'globalCrops to be a whole number from 1 to 2, got 3'],
    ['half a crop', { localCrops: 1.5 }, 'localCrops to be a whole number of at least 0, got 1.5'],
    ['a scale above 1', { globalScale: [0.4, 1.1] }, 'globalScale[1] to be a finite number from'],
    ['a scale the wrong way round', { localScale: [0.4, 0.05] }, 'localScale to be [low, high], got [0.4,0.05]'],
    ['one number for three', { blur: 0.5 }, 'blur to be 3 numbers, got 0.5'],
    ['a probability of 2', { flip: 2 }, 'flip to be a finite number from 0 to 1, got 2'],
    ['a string', { grayscale: '0.2' }, 'grayscale to be a finite number from 0 to 1, got "0.2"'],
    ['a hue of 0.7', { jitter: { hue: 0.7 } }, 'jitter.hue to be a finite number from 0 to 0.5'],
    [
      'an unknown filter',
      { interpolation: 'nearest' },
      "expected interpolation 'bicubic' or 'bilinear', got 'nearest'",
    ],
  ]
  test.each(bad)('%s is refused', (_, options, message) => expect(() => multiCrop(options)).toThrow(message))

  test('keys that are no whole numbers are refused', () => {
    expect(() => multiCrop().plan({ seed: -1, epoch: 0, sample: 0 })).toThrow(RangeError)
    expect(() => multiCrop().plan({ seed: 0, epoch: 0.5, sample: 0 })).toThrow(RangeError)
  })
})

test('arrays to write to must have the sizes of the views', () => {
  const augment = multiCrop(small)
  const plan = augment.plan({ seed: 0, epoch: 0, sample: 0 })
  expect(() => augment.apply(noise, plan, [])).toThrow('expected 5 arrays to write to, got 0')
  expect(() =>
    augment.apply(
      noise,
      plan,
      plan.map(() => new Uint8Array(1)),
    ),
  ).toThrow('expected 768 bytes for view 0, got 1')
})
