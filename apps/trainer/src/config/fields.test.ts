import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaults } from './defaults.js'
import { field, fields, kebab, parseText, printed, refusal } from './fields.js'
import { trainConfig } from './schema.js'

test('every default is a right value of its setting', () => {
  for (const [key, value] of Object.entries(defaults)) {
    expect([key, refusal(key as keyof typeof defaults, value)]).toEqual([key, undefined])
  }
})

test('a setting has a default unless it is optional or follows from others', () => {
  const without = fields.filter((one) => one.default === undefined && !trainConfig.shape[one.key].isOptional())
  expect(without.map(({ key }) => key)).toEqual(['data', 'outputDir', 'numWorkers'])
})

test('every setting says what it means', () => {
  expect(fields.filter(({ help }) => help.length < 10)).toEqual([])
})

test('what help prints as a default is read back as that default', () => {
  for (const one of fields) {
    if (one.default === undefined || one.key === 'cropRatio') continue // 4/3 is printed in six digits
    expect(parseText(one, one.default)).toEqual(defaults[one.key as keyof typeof defaults])
  }
})

test('every flag of the reference is a setting under its name', () => {
  const reference = // METHOD 1.2, without what only other flags or refusals stand for
    'arch patch_size out_dim norm_last_layer momentum_teacher use_bn_in_head warmup_teacher_temp teacher_temp ' +
    'warmup_teacher_temp_epochs weight_decay weight_decay_end clip_grad epochs freeze_last_layer lr warmup_epochs min_lr ' +
    'optimizer drop_path_rate global_crops_scale local_crops_number local_crops_scale output_dir saveckp_freq seed num_workers'
  const flags = fields.map(({ flag }) => flag)
  for (const name of reference.split(' ')) expect(flags).toContain(name.replaceAll('_', '-'))
})

test('names go from camelCase to kebab-case', () => {
  expect(kebab('warmupTeacherTempEpochs')).toBe('warmup-teacher-temp-epochs')
})

describe('flags', () => {
  test.each(['on', 'true', '1', 'TRUE', ''])('%j is true', (text) => {
    expect(parseText(field('normLastLayer')!, text)).toBe(true)
  })

  test.each(['off', 'false', '0', 'Off'])('%j is false', (text) => {
    expect(parseText(field('normLastLayer')!, text)).toBe(false)
  })

  test('a printed number is read back as itself', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e6 }), (value) => {
        const rounded = Number(value.toPrecision(6))
        expect(parseText(field('lr')!, printed(value))).toBe(rounded)
      }),
    )
  })

  test.each(['', '0x10', 'Infinity', 'NaN', '1e', '1,5', 'ten'])('%j is no number', (text) => {
    expect(refusal('lr', parseText(field('lr')!, text))).toContain('expected a number')
  })

  test('the names that the reference gives its ViTs are those of ours', () => {
    expect(parseText(field('arch')!, 'deit_small')).toBe('vit_small')
  })
})

describe('refusals', () => {
  test.each([
    ['patchSize', 16.5, 'expected a whole number, at least 1, got 16.5'],
    ['patchSize', '16', 'expected a whole number, at least 1, got "16"'],
    ['outDim', 1, 'expected a whole number, at least 2, got 1'],
    ['momentumTeacher', 1.1, 'expected a number, 0 to 1, got 1.1'],
    ['teacherTemp', 0, 'expected a number, above 0, got 0'],
    ['dropPathRate', 1, 'expected a number, from 0 to below 1, got 1'],
    ['globalCropsScale', [0.4], 'expected 2 numbers, each 0 to 1, got [0.4]'],
    ['normLastLayer', 'no', 'expected true or false, got "no"'],
    ['optimizer', 'adam', 'expected one of adamw, sgd, lars, got "adam"'],
    [
      'arch',
      'vit_huge',
      'expected one of vit_tiny, vit_small, vit_base, resnet18, resnet34, resnet50, resnet101, got "vit_huge"',
    ],
    [
      'arch',
      'xcit_small_12_p16',
      'xcit_small_12_p16 does not train here yet; use one of vit_tiny, vit_small, vit_base, resnet18, resnet34, resnet50, resnet101',
    ],
    ['resnetPlanes', [8, 16], 'expected 4 numbers, each at least 1, got [8,16]'],
  ] as const)('%s %j: %s', (key, value, message) => {
    expect(refusal(key, value)).toBe(message)
  })
})
