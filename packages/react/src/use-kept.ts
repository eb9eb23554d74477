/**
 * A value kept for as long as its keys stay the same: `useMemo` with a guarantee. React may drop what `useMemo`
 * holds, and a dropped observer would be a new subscription that starts over from its `tail`.
 */
import { useState } from 'react'

/** Makes the value on the first render and whenever a key changes; `make` must be free of side effects. */
export function useKept<TValue>(make: () => TValue, keys: readonly unknown[]): TValue {
  const [kept, setKept] = useState(() => ({ value: make(), keys }))
  if (keys.every((key, index) => Object.is(key, kept.keys[index]))) return kept.value
  // A render that sets its own state is run again at once, before its children.
  const next = { value: make(), keys }
  setKept(next)
  return next.value
}
