// Firefox, as Debian or anybody else installs it.

import { startDemo } from '../src/demo-server.ts'
import { demoSuite } from '../src/demo-suite.ts'
import { firefox } from '../src/firefox.ts'
import { lifecycleSuite } from '../src/lifecycle-suite.ts'

demoSuite({ engine: firefox, start: startDemo, keeps: false })
lifecycleSuite(firefox)
