// Reads the JSON report of vitest and prints `N passed, N failed` as the last line.
//
//   node .ci/summary.mjs <report> <exit code of the test command>
//
// Exits 1 unless something passed and nothing failed.

import { readFileSync } from 'node:fs'

const [reportPath, commandStatus] = process.argv.slice(2)
const report = readReport(reportPath)
const files = report?.testResults ?? []
const tests = files.flatMap((file) => file.assertionResults.map((test) => ({ ...test, file: file.name })))

const passed = tests.filter((test) => test.status === 'passed')
const failed = tests.filter((test) => test.status === 'failed')
const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed')
// A file that could not be loaded fails without any of its tests failing.
const broken = files.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
)

for (const test of skipped) console.log(`skipped, which counts as failed here: ${test.fullName} (${test.file})`)
for (const file of broken) console.log(`failed as a whole: ${file.name}: ${file.message}`)

let failures = failed.length + skipped.length + broken.length
if (failures === 0 && commandStatus !== '0') {
  console.log(`the test command exited with ${commandStatus} outside any test`)
  failures = 1
}
if (failures === 0 && passed.length === 0) {
  console.log('no test ran')
  failures = 1
}

console.log(`${passed.length} passed, ${failures} failed`)
process.exitCode = failures === 0 ? 0 : 1

/** Nothing where the command failed before the tests began, or was killed while it wrote. */
function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
