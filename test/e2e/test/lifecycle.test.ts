// What happens to a page besides what its user does, in Chromium.

import { chromium } from '../src/chromium.ts'
import { lifecycleSuite } from '../src/lifecycle-suite.ts'

lifecycleSuite(chromium)
