// A Vue component of a page as TypeScript, made by Vue's own compiler: the script and, inlined, the template. So the
// compiler of everything else checks what both of them say, and a test can mount the result.

import { compileScript, parse } from 'vue/compiler-sfc'

/** Whether a snippet is a component, by its name. */
export function isVue(name: string | undefined): name is string {
  return name?.endsWith('.vue') === true
}

/**
 * The module of a component.
 * @param page where it stands, for errors of the parser
 * @throws Error where it cannot be parsed, or has no `<script setup lang="ts">`
 */
export function compileVue(code: string, page: string, name: string): string {
  const { descriptor, errors } = parse(code, { filename: name })
  const [error] = errors
  if (error !== undefined) throw new Error(`${page}, ${name}: ${error.message}`)
  if (descriptor.scriptSetup?.lang !== 'ts') throw new Error(`${page}, ${name}: write <script setup lang="ts">`)
  const { content } = compileScript(descriptor, { id: name, inlineTemplate: true })
  const props = /defineProps<(\{[^>]*\})>\(\)/.exec(code)?.[1] ?? 'object'
  return withNarrowing(content)
    .replace('setup(__props: any', `setup(__props: ${props}`)
    .replace(/renderList as _renderList(.*)$/m, `renderList as _list$1; ${RENDER_LIST}`)
}

// What Vue's compiler writes is meant to run. Its checker (vue-tsc, which needs an older compiler beside this one) knows
// three things that it does not say: the type of the props, that `v-for` takes undefined, and what `v-if` has ruled out.

const RENDER_LIST =
  'const _renderList = _list as unknown as ' +
  '<TItem>(source: Iterable<TItem> | undefined, render: (item: TItem, index: number) => object) => []'

/** Refs as properties of one object, because the compiler narrows properties and does not narrow calls. */
function withNarrowing(content: string): string {
  const names = [...new Set([...content.matchAll(/_unref\((\w+)\)/g)].map(([, name]) => name as string))]
  if (names.length === 0) return content
  return content
    .replace('unref as _unref', 'proxyRefs as _proxyRefs')
    .replace(/return \(_ctx.*\) => \{\n/, (start) => `${start}const _refs = _proxyRefs({ ${names.join(', ')} })\n`)
    .replaceAll(/_unref\((\w+)\)/g, '_refs.$1')
}
