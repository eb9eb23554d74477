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

/** `always` or `sometimes` in the JSON text, or `never`. */
type Presence<TValue> = unknown extends TValue
  ? 'always'
  : [Exclude<TValue, Vanishing>] extends [never]
    ? 'never'
    : [Extract<TValue, Vanishing>] extends [never]
      ? 'always'
      : 'sometimes'

type AlwaysThere<TObject extends object> = {
  [TKey in keyof TObject as TKey extends symbol
    ? never
    : Presence<TObject[TKey]> extends 'always'
      ? TKey
      : never]: Jsonify<TObject[TKey]>
}

type SometimesThere<TObject extends object> = {
  [TKey in keyof TObject as TKey extends symbol
    ? never
    : Presence<TObject[TKey]> extends 'sometimes'
      ? TKey
      : never]?: Jsonify<Exclude<TObject[TKey], Vanishing>>
}

type JsonifyObject<TObject extends object> = [keyof SometimesThere<TObject>] extends [never]
  ? AlwaysThere<TObject>
  : Flatten<AlwaysThere<TObject> & SometimesThere<TObject>>

type Flatten<TObject> = { [TKey in keyof TObject]: TObject[TKey] }
