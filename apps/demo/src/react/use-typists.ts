import { useEffect, useState } from 'react'
import { createTypists, type Typists } from '../shared/typing.ts'

/** Who is typing, and where to report what the signals say. */
export function useTypists(): [names: readonly string[], typists: Typists] {
  const [names, setNames] = useState<readonly string[]>([])
  const [typists] = useState(() => createTypists(setNames))
  useEffect(() => typists.clear, [typists])
  return [names, typists]
}
