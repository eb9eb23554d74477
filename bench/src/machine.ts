// The machine a run is made on, as the results say it, and what it lets us do: pin processes to cores, open many files.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, release } from 'node:os'
import { dirname, join } from 'node:path'

/** What the results say about where they come from. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly kernel: string
  readonly node: string
  /** Whether server and load each had a core of their own. */
  readonly pinned: boolean
  /** Files a process may have open, which bounds its connections. */
  readonly openFiles: number
}

/** Files each process may have open: as many as the machine allows, at most what the largest scenario needs twice. */
export const OPEN_FILES: number = openFiles()

/** The core of the server, and that of the load. */
export const SERVER_CORE = 0
/** The other one. */
export const LOAD_CORE = 1

const canPin = cpus().length > 1 && spawnSync('taskset', ['--version']).status === 0

/** What a command is prefixed with so that it stays on one core; nothing where that cannot be done. */
export function taskset(core: number): string[] {
  return canPin ? ['taskset', '-c', String(core)] : []
}

/** This machine. */
export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    node: process.version,
    pinned: canPin,
    openFiles: OPEN_FILES,
  }
}

/** The program of Bun from npm; undefined where it is not installed for this platform. */
export function bunProgram(): string | undefined {
  try {
    const program = join(dirname(createRequire(import.meta.url).resolve('bun/package.json')), 'bin/bun.exe')
    return existsSync(program) && spawnSync(program, ['--version']).status === 0 ? program : undefined
  } catch {
    return undefined
  }
}

function openFiles(): number {
  const hard = execFileSync('sh', ['-c', 'ulimit -H -n'], { encoding: 'utf8' }).trim()
  return hard === 'unlimited' ? 65_536 : Math.min(Number(hard), 65_536)
}
