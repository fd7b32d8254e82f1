import { NumpyDtype, PendingArray } from './numpy.js'
import type { Fail } from './pickle-globals.js'
import { PickleObject, type PickleValue } from './pickle-value.js'

/** What the operations of a pickle work on. Values that a pickle can't hold itself, such as dtypes on their way, pass through. */
export class Stack {
  #values: unknown[] = []
  readonly #marks: number[] = []

  constructor(private readonly fail: Fail) {}

  push(value: unknown): void {
    this.#values.push(value)
  }

  pop(): unknown {
    return this.popMany(1)[0]
  }

  popMany(count: number): unknown[] {
    if (this.#values.length - count < (this.#marks.at(-1) ?? 0)) throw this.fail('it takes a value that is not there.')
    return this.#values.splice(-count)
  }

  top(): unknown {
    const [value] = this.popMany(1)
    this.push(value)
    return value
  }

  /** The one value that is left at the end. */
  last(): unknown {
    if (this.#values.length !== 1 || this.#marks.length > 0)
      throw this.fail(`expected one value at the end, got ${this.#values.length}.`)
    return this.#values[0]
  }

  mark(): void {
    this.#marks.push(this.#values.length)
  }

  popMark(): unknown[] {
    const at = this.#marks.pop()
    if (at === undefined) throw this.fail('it closes a list that was never opened.')
    const items = this.#values.slice(at)
    this.#values.length = at
    return items
  }

  append(items: unknown[]): void {
    const list = this.top()
    if (!Array.isArray(list)) throw this.fail('it appends to something that is no list.')
    for (const item of items) list.push(item)
  }

  setItems(items: unknown[]): void {
    const map = this.top()
    if (!(map instanceof Map) || items.length % 2 === 1) throw this.fail('it sets items of something that is no dict.')
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1])
  }

  addItems(items: unknown[]): void {
    const set = this.top()
    if (!(set instanceof Set)) throw this.fail('it adds to something that is no set.')
    for (const item of items) set.add(item)
  }

  /** Gives an object its state. */
  build(): void {
    const state = this.pop() as PickleValue
    const object = this.top()
    if (object instanceof PickleObject) object.state = state
    else if (object instanceof NumpyDtype) object.setState(state)
    else if (object instanceof PendingArray) {
      this.pop()
      this.push(object.build(state))
    }
    // else attributes of a dict or a tensor, such as a state dict's versions: not data
  }
}
