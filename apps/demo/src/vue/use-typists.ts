import { onScopeDispose, type ShallowRef, shallowRef } from 'vue'
import { createTypists, type Typists } from '../shared/typing.ts'

/** Who is typing, and where to report what the signals say. */
export function useTypists(): { names: ShallowRef<readonly string[]>; hear: Typists['hear'] } {
  const names = shallowRef<readonly string[]>([])
  const { hear, clear } = createTypists((next) => {
    names.value = next
  })
  onScopeDispose(clear)
  return { names, hear }
}
