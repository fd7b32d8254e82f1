/** Reads the settings of a case: a wrong type is an error that names the setting, never NaN somewhere in a result. */
export class Settings {
  constructor(
    readonly where: string,
    readonly values: Record<string, unknown>,
  ) {}

  static of(where: string, value: unknown): Settings {
    if (typeof value !== 'object' || value === null)
      throw new Error(`${where}: expected settings, got ${describe(value)}.`)
    return new Settings(where, value as Record<string, unknown>)
  }

  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== null
  }

  number(name: string, otherwise?: number): number {
    return this.read(name, 'a number', (value) => typeof value === 'number', otherwise)
  }

  boolean(name: string, otherwise?: boolean): boolean {
    return this.read(name, 'true or false', (value) => typeof value === 'boolean', otherwise)
  }

  string(name: string, otherwise?: string): string {
    return this.read(name, 'a string', (value) => typeof value === 'string', otherwise)
  }

  numbers(name: string, otherwise?: number[]): number[] {
    const good = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'number')
    return this.read(name, 'a list of numbers', good, otherwise)
  }

  strings(name: string): string[] {
    return this.read(name, 'a list of strings', (value) => {
      return Array.isArray(value) && value.every((item) => typeof item === 'string')
    })
  }

  list(name: string): unknown[] {
    return this.read(name, 'a list', Array.isArray)
  }

  inner(name: string): Settings {
    return Settings.of(`${this.where}.${name}`, this.values[name])
  }

  private read<T>(name: string, what: string, good: (value: unknown) => boolean, otherwise?: T): T {
    const value = this.values[name]
    if ((value === undefined || value === null) && otherwise !== undefined) return otherwise
    if (!good(value)) throw new Error(`${this.where}: expected ${name} to be ${what}, got ${describe(value)}.`)
    return value as T
  }
}

function describe(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}
