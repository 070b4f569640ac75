import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildContext } from './context.ts';
import { readDockerfile, stagesFor, wordsOf } from './dockerfile.ts';
import type { Stage } from './dockerfile.ts';
import type { ImageUser } from './root.ts';
import { StageBuild } from './stage.ts';

/** What a Dockerfile describes, as far as it lies above the base image. */
export interface Image {
  /** The base image, by name. */
  base: string;
  /** Folder of this machine with the image's files: its `nftproxy/dist` is the image's `/nftproxy/dist`. */
  folder: string;
  /** Set if the folder has the base image's files, too; else those are this machine's. */
  whole?: true;
  workdir: string;
  env: Record<string, string>;
  user: ImageUser;
  entrypoint: string[];
  /** Size of all files together. */
  bytes: number;
}

/** Images that no cluster has used for so long are removed. */
const keepMilliseconds = 24 * 3600 * 1000;

/**
 * Makes the image that a checkout's Dockerfile describes, or finds it: one that was made from the same files is not made
 * again. Takes root and some twenty seconds the first time; the network only where a stage has a Debian of its own.
 * @param target name of the stage; the last one if left out
 * @throws Error that names the line of the Dockerfile which cannot be carried out.
 */
export async function buildImage(checkout: string, target?: string): Promise<Image> {
  const stages = stagesFor(readDockerfile(readFileSync(join(checkout, 'Dockerfile'), 'utf8')), target);
  const context = new BuildContext(checkout);
  const store = join(checkout, '.nftproxy/images');
  const place = join(store, inputsOf(stages, context));
  await mkdir(store, { recursive: true });
  if (!existsSync(place)) await buildAt(place, stages, context);
  await utimes(place, new Date(), new Date());
  await removeUnused(store);
  const image = JSON.parse(await readFile(join(place, 'image.json'), 'utf8')) as Omit<Image, 'folder'>;
  return { ...image, folder: join(place, 'files') };
}

/** Builds beside the place and moves the result there: whoever looks sees no image or a whole one. */
async function buildAt(place: string, stages: readonly Stage[], context: BuildContext): Promise<void> {
  const folder = await mkdtemp(`${place}-`);
  try {
    const image = await buildStages(stages, context, folder);
    await mkdir(join(folder, 'result'));
    await rename(image.folder, join(folder, 'result/files'));
    await writeFile(join(folder, 'result/image.json'), JSON.stringify({ ...image, folder: undefined }));
    await rename(join(folder, 'result'), place).catch((error: unknown) => {
      if (!existsSync(place)) throw error; // else somebody else was faster, with the same result
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Carries out all stages of a Dockerfile in a folder. @throws Error that names the line which cannot be carried out. */
export async function buildStages(stages: readonly Stage[], context: BuildContext, folder: string): Promise<Image> {
  const builds: StageBuild[] = [];
  for (const stage of stages) {
    builds.push(await StageBuild.run(stage, join(folder, `stage-${builds.length}`), context, builds));
  }
  const [last, base] = [builds.at(-1), stages.at(-1)?.base];
  if (last === undefined || base === undefined) throw new Error('Dockerfile: it has no stage');
  const { workdir, env, user, entrypoint, whole } = last;
  const image = { base, folder: last.folder, workdir, env, user, entrypoint, bytes: sizeOf(last.folder) };
  return whole ? { ...image, whole } : image;
}

function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => lstatSync(join(folder, file)));
  return files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}

/** A name for everything that an image is made from, and for how it is made. */
function inputsOf(stages: readonly Stage[], context: BuildContext): string {
  const hash = createHash('sha256').update(`${process.execPath} ${process.version}`);
  const copies = stages.flatMap(({ instructions }) =>
    instructions.filter(({ keyword, flags }) => keyword === 'COPY' && flags['from'] === undefined),
  );
  for (const { base, instructions } of stages) {
    hash.update(`${base}\0`);
    for (const { keyword, flags, text } of instructions) hash.update(`${keyword} ${JSON.stringify(flags)} ${text}\0`);
  }
  const sources = new Set(copies.length === 0 ? [] : ['.dockerignore', 'package-lock.json']);
  for (const copy of copies) for (const source of wordsOf(copy).slice(0, -1)) sources.add(source);
  for (const source of sources) addToHash(hash, join(context.folder, source));
  addToHash(hash, import.meta.dirname);
  return hash.digest('hex').slice(0, 16);
}

function addToHash(hash: Hash, path: string): void {
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory()) {
    for (const name of readdirSync(path).toSorted()) addToHash(hash, join(path, name));
  } else hash.update(`${path}\0`).update(readFileSync(path)).update('\0');
}

async function removeUnused(store: string): Promise<void> {
  for (const name of await readdir(store)) {
    const { mtimeMs } = statSync(join(store, name));
    if (Date.now() - mtimeMs > keepMilliseconds) await rm(join(store, name), { recursive: true, force: true });
  }
}
