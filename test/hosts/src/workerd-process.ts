/** A child that runs a Worker in workerd: `node workerd-process.mjs <script> <options>`. */
import type { ChildOptions } from './apps/app.ts'
import { startWorkerd } from './workerd.ts'

const [file = '', text = '{}'] = process.argv.slice(2)
const options = JSON.parse(text) as ChildOptions
const { origin } = await startWorkerd({ file, options })
console.log(new URL(origin).port)
