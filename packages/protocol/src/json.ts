/** JSON values, and the type a value has after a trip through JSON. */

/** Any value that JSON can carry (RFC 8259). */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * The type a value has on the receiving side: what `JSON.parse(JSON.stringify(value))` returns. A `Date` arrives
 * as a string, `undefined` and functions vanish from objects and become `null` in arrays, a `Map` becomes `{}`.
 */
export type Jsonify<TValue> = unknown extends TValue
  ? TValue
  : TValue extends { toJSON(): infer TJson }
    ? Jsonify<TJson>
    : TValue extends null | boolean | number | string
      ? TValue
      : TValue extends bigint | symbol | undefined | ((...args: never[]) => unknown)
        ? never
        : TValue extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
          ? Record<string, never>
          : TValue extends readonly unknown[]
            ? { [TIndex in keyof TValue]: JsonifyElement<TValue[TIndex]> }
            : TValue extends object
              ? JsonifyObject<TValue>
              : never

type JsonifyElement<TValue> = TValue extends undefined | symbol | ((...args: never[]) => unknown)
  ? null
  : Jsonify<TValue>

type Vanishing = undefined | symbol | ((...args: never[]) => unknown)

type JsonifyObject<TObject extends object> = {
  [TKey in keyof TObject as TKey extends symbol
    ? never
    : [Exclude<TObject[TKey], Vanishing>] extends [never]
      ? unknown extends TObject[TKey]
        ? TKey
        : never
      : TKey]: Jsonify<Exclude<TObject[TKey], undefined>>
}
