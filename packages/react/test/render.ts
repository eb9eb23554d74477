/** React Testing Library without test globals: it must be told that this is a test, and when one ends. */
import { cleanup } from '@testing-library/react'
import { afterEach } from 'vitest'

;(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true
afterEach(cleanup)

export { act, render, renderHook, screen } from '@testing-library/react'
