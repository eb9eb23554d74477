/** In a file of its own, so that the two proxies are tested side by side. */
import { conformThrough } from '../src/conform.ts'
import { nginx } from '../src/front.ts'

conformThrough(nginx)
