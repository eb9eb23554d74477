/**
 * The cases against the server in `CONFORMANCE_URL` where that is set, otherwise against a fixture of its own: one node,
 * nothing to set up.
 */
import { conformanceSuite } from '../src/suite.ts'

const url = process.env.CONFORMANCE_URL
conformanceSuite(url ?? 'the fixture', { url, isBlind: process.env.CONFORMANCE_BLIND === '1' })
