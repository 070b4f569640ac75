import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin, SourceMap } from 'node:module';
import type { SourceMapPayload } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { Recorder, recorderName } from './coverage.ts';
import { instrument } from './instrument.ts';
import type { Target } from './target.ts';

/** Targets in a program that counts, and what is known of that program. */
export interface Program {
  readonly targets: readonly Target[];
  readonly recorder: Recorder;
  /** By edge, the file that it is in: `src/netlink/error.ts`. */
  readonly files: readonly string[];
  readonly words: readonly string[];
}

interface Bundled {
  readonly code: string;
  readonly map: SourceMapPayload;
}

/**
 * Bundles a module, has it count, and loads it. Packages are left out, and so is what is not in `folders`.
 *
 * @param o.entry a module that exports `targets`
 * @param o.folders whose code is counted, relative to the repository: `src/`
 * @param o.into a folder in the repository, from which packages are found
 */
export async function loadProgram(o: {
  readonly repository: string;
  readonly entry: string;
  readonly folders: readonly string[];
  readonly into: string;
}): Promise<Program> {
  const plain = await bundled(o.repository, o.entry);
  const fileAt = filesOf(plain);
  const isCounted = (position: number): boolean => o.folders.some((folder) => fileAt(position).startsWith(folder));
  const { code, edges, words } = instrument(plain.code, isCounted);
  const recorder = new Recorder(edges.length);
  Object.assign(globalThis, { [recorderName]: recorder });
  mkdirSync(o.into, { recursive: true });
  const file = join(o.into, `fuzz-${process.pid}.mjs`);
  writeFileSync(file, code);
  const { targets } = (await import(pathToFileURL(file).href).finally(() => {
    rmSync(file);
  })) as { targets: readonly Target[] };
  return { targets, recorder, files: edges.map(fileAt), words };
}

async function bundled(repository: string, entry: string): Promise<Bundled> {
  const build = await rolldown({
    cwd: repository,
    input: entry,
    platform: 'node',
    // Rolldown has its own helpers for decorators.
    external: (id) => isBuiltin(id) || (/^[@a-z]/i.test(id) && !id.startsWith('@oxc-project/runtime')),
    checks: { bundlerTimings: false },
    // A folder of test helpers may have one that needs vitest; what is not used stays out.
    treeshake: { moduleSideEffects: false },
    onLog: (level, log) => {
      if (level === 'warn') throw new Error(`bundling: ${log.message}`);
    },
  });
  const { output } = await build.generate({ format: 'esm', codeSplitting: false, sourcemap: true, dir: repository });
  await build.close();
  const [{ code, map }] = output;
  if (map === null) throw new Error('bundling: no source map');
  return { code, map: { ...map, file: '', sourceRoot: '', sourcesContent: [] } };
}

/** Which file of the repository the code at a position is of, by the source map; none for what the bundler itself adds. */
function filesOf({ code, map }: Bundled): (position: number) => string {
  const lineStarts = [0, ...[...code.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const sourceMap = new SourceMap(map);
  return (position) => {
    let [low, high] = [0, lineStarts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((lineStarts[middle] ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    const entry = sourceMap.findEntry(low - 1, position - (lineStarts[low - 1] ?? 0));
    return 'originalSource' in entry ? entry.originalSource : '';
  };
}
