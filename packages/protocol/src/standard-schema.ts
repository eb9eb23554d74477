/**
 * The Standard Schema interface (https://standardschema.dev, version 1), the one shape that zod, valibot,
 * arktype and others share. The specification asks libraries to copy these types rather than depend on
 * them, which is what keeps this package free of dependencies.
 */
export interface StandardSchema<TInput = unknown, TOutput = TInput> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<TOutput> | Promise<SchemaResult<TOutput>>
    readonly types?: { readonly input: TInput; readonly output: TOutput } | undefined
  }
}

/** What `validate` answers: the output value, or the issues that speak against the input. */
export type SchemaResult<TOutput> =
  | { readonly value: TOutput; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** One reason why a value was refused; `path` leads to the offending part. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Any schema, whatever its library. */
export type AnySchema = StandardSchema<unknown, unknown>

/** What a caller passes in, before validation. */
export type InputOf<TSchema> = TSchema extends { readonly '~standard': { readonly types?: infer TTypes } }
  ? NonNullable<TTypes> extends { readonly input: infer TInput }
    ? TInput
    : unknown
  : never

/** What comes out of validation: transforms applied, defaults filled in. */
export type OutputOf<TSchema> = TSchema extends { readonly '~standard': { readonly types?: infer TTypes } }
  ? NonNullable<TTypes> extends { readonly output: infer TOutput }
    ? TOutput
    : unknown
  : never

/** Whether a value looks like a Standard Schema. Functions count: arktype's schemas are callable. */
export function isSchema(value: unknown): value is AnySchema {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  const standard: unknown = (value as { '~standard'?: unknown })['~standard']
  return typeof standard === 'object' && standard !== null && (standard as { version?: unknown }).version === 1
}
