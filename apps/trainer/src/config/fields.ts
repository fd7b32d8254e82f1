import { z } from 'zod'
import { archs } from './architecture.js'
import { defaults } from './defaults.js'
import { type TrainConfig, trainConfig } from './schema.js'

export type Key = keyof TrainConfig

/** What the command line, config files and their errors need to know of one setting; read from the schema. */
export interface Field {
  key: Key
  /** Its name on the command line, without the dashes. */
  flag: string
  help: string
  kind: 'number' | 'boolean' | 'string' | 'numbers'
  /** How many values a flag takes. */
  arity: number
  /** Allowed words, of a string. */
  choices?: readonly string[]
  /** What a right value is, for help and errors: `a whole number, at least 1`. */
  expected: string
  /** As the command line takes it; undefined where there is none. */
  default?: string
}

export const fields: readonly Field[] = (Object.keys(trainConfig.shape) as Key[]).map((key) => {
  const schema = z.toJSONSchema(trainConfig.shape[key]) as JsonSchema
  const value = key in defaults ? defaults[key as keyof typeof defaults] : undefined
  return {
    key,
    flag: kebab(key),
    help: schema.description ?? '',
    kind: kindOf(schema),
    arity: schema.prefixItems?.length ?? 1,
    ...(schema.enum && { choices: schema.enum }),
    expected: expectation(schema),
    ...(value !== undefined && { default: printed(value) }),
  }
})

const byKey = new Map(fields.map((field) => [field.key as string, field]))

export function field(key: string): Field | undefined {
  return byKey.get(key)
}

/** `globalCropsScale` -> `global-crops-scale` */
export function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** A value as the command line takes it. */
export function printed(value: unknown): string {
  if (Array.isArray(value)) return value.map(printed).join(',')
  if (typeof value === 'number') {
    const rounded = Number(value.toPrecision(6))
    return rounded !== 0 && Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded)
  }
  return String(value)
}

/** `deit` is the reference's older word for its ViTs; other families are named with what trains here. */
export function renamedArch(arch: unknown): unknown {
  return typeof arch === 'string' ? arch.replace(/^deit_/, 'vit_') : arch
}

/** Why an architecture of the reference is refused, if it is one. */
export function unsupportedArch(arch: unknown): string | undefined {
  if (
    typeof arch !== 'string' ||
    !/^(xcit|res|dino_|vgg|densenet|mobilenet|efficientnet|regnet|convnext|swin|wide_)/.test(arch)
  )
    return undefined
  return `${arch} does not train here yet; use one of ${archs.join(', ')}`
}

const on = ['on', 'true', '1']
const off = ['off', 'false', '0']

/** A flag's text as a value; a text that is no value of the kind stays text, for {@link check} to refuse. */
export function parseText({ kind, key }: Field, text: string): unknown {
  if (kind === 'boolean') {
    const word = text.toLowerCase()
    return text === '' || on.includes(word) ? true : off.includes(word) ? false : text
  }
  if (kind === 'number') return number(text)
  if (kind === 'numbers') return text.split(',').map(number)
  return key === 'arch' ? renamedArch(text) : text
}

function number(text: string): number | string {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : text
}

/** Why `value` is no value for this setting: `expected a whole number, at least 1, got "abc"`. Undefined if it is one. */
export function refusal(key: Key, value: unknown): string | undefined {
  if (trainConfig.shape[key].safeParse(value).success) return undefined
  const reason = key === 'arch' ? unsupportedArch(value) : undefined
  return reason ?? `expected ${field(key)!.expected}, got ${JSON.stringify(value) ?? String(value)}`
}

interface JsonSchema {
  type?: string
  description?: string
  enum?: string[]
  prefixItems?: JsonSchema[]
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
}

function kindOf({ type, prefixItems }: JsonSchema): Field['kind'] {
  if (prefixItems) return 'numbers'
  if (type === 'boolean') return 'boolean'
  return type === 'number' || type === 'integer' ? 'number' : 'string'
}

function expectation(schema: JsonSchema): string {
  if (schema.enum) return `one of ${schema.enum.join(', ')}`
  if (schema.prefixItems) return `${schema.prefixItems.length} numbers, each ${limits(schema.prefixItems[0]!)}`
  if (schema.type === 'boolean') return 'true or false'
  if (schema.type === 'string') return 'a text'
  const range = limits(schema)
  return `${schema.type === 'integer' ? 'a whole number' : 'a number'}${range && `, ${range}`}`
}

function limits({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const high = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined
  if (minimum !== undefined && high !== undefined) return `${minimum} to ${high}`
  if (exclusiveMaximum !== undefined) return `from ${minimum} to below ${exclusiveMaximum}`
  if (exclusiveMinimum !== undefined) return `above ${exclusiveMinimum}`
  return minimum !== undefined ? `at least ${minimum}` : ''
}
