// WebKitGTK, the engine of Safari in its port to Linux.

import { startDemo } from '../src/demo-server.ts'
import { demoSuite } from '../src/demo-suite.ts'
import { lifecycleSuite } from '../src/lifecycle-suite.ts'
import { webkit } from '../src/webkit.ts'

demoSuite({ engine: webkit, start: startDemo, keeps: false })
lifecycleSuite(webkit)
