import { existsSync, statSync } from 'node:fs';
import { chmod, cp, mkdir } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { CommandError, runCommand } from '../../support/index.ts';
import type { BuildContext } from './context.ts';
import { DebianBase } from './debian-base.ts';
import { at, execForm, wordsOf } from './dockerfile.ts';
import type { Instruction, Stage } from './dockerfile.ts';
import { copyProductionPackages } from './packages.ts';
import { basePath, inImageRoot } from './root.ts';
import type { ImageUser } from './root.ts';

/**
 * Carries out a stage of a Dockerfile: its files come to lie in a folder. COPY and RUN do what they say, in a file system
 * of the stage's own; only `npm ci` takes the packages of the checkout instead of the registry's, and `apt-get` those of
 * this machine, which it lends with the base image's folders. A base that is Debian and nothing else is made of Debian's
 * packages: what this machine has is of another release.
 */
export class StageBuild {
  readonly name: string | undefined;
  /** The files that the stage puts on top of its base image. */
  readonly folder: string;
  readonly env: Record<string, string> = { PATH: basePath };
  workdir = '/';
  user: ImageUser = { uid: 0, gid: 0 };
  entrypoint: string[] = [];
  /** Set if the folder has the base image's files, too; else those are this machine's. */
  readonly whole: true | undefined;
  readonly #debian: DebianBase | undefined;
  readonly #context: BuildContext;
  readonly #earlier: readonly StageBuild[];
  /** Path of node_modules with development dependencies, which the checkout lends. */
  #lentPackages: string | undefined;

  private constructor(stage: Stage, folder: string, context: BuildContext, earlier: readonly StageBuild[]) {
    this.name = stage.name;
    this.folder = folder;
    this.#debian = DebianBase.of(stage.base, folder);
    this.whole = this.#debian && true;
    this.#context = context;
    this.#earlier = earlier;
  }

  /** @param folder made here. @param earlier the stages that COPY --from may name. @throws Error naming the line. */
  static async run(
    stage: Stage,
    folder: string,
    context: BuildContext,
    earlier: readonly StageBuild[],
  ): Promise<StageBuild> {
    await mkdir(folder, { recursive: true });
    const build = new StageBuild(stage, folder, context, earlier);
    for (const instruction of stage.instructions) await build.#carryOut(instruction);
    return build;
  }

  async #carryOut(instruction: Instruction): Promise<void> {
    const { keyword, text } = instruction;
    if (keyword === 'WORKDIR') await this.#enter(text);
    else if (keyword === 'COPY') await this.#copy(instruction);
    else if (keyword === 'RUN') for (const command of text.split('&&')) await this.#run(instruction, command.trim());
    else if (keyword === 'USER') this.user = readUser(instruction);
    else if (keyword === 'ENV') for (const word of wordsOf(instruction)) this.#setVariable(instruction, word);
    else if (keyword === 'ENTRYPOINT') this.entrypoint = execForm(instruction);
  }

  async #enter(path: string): Promise<void> {
    this.workdir = posix.resolve(this.workdir, path);
    await mkdir(join(this.folder, this.workdir), { recursive: true });
    for (let above = this.workdir; above !== '/'; above = posix.dirname(above)) {
      await chmod(join(this.folder, above), 0o755);
    }
  }

  #setVariable(instruction: Instruction, word: string): void {
    const [name = '', value] = word.split('=');
    if (value === undefined) throw at(instruction, `NAME=value expected, not: ${word}`);
    this.env[name] = value;
  }

  async #copy(instruction: Instruction): Promise<void> {
    const words = wordsOf(instruction);
    const target = words.pop();
    if (target === undefined || words.length === 0) throw at(instruction, 'COPY source... destination expected');
    const intoFolder = words.length > 1 || target.endsWith('/');
    for (const source of words) {
      const from = this.#source(instruction, source);
      const to = join(this.folder, posix.resolve(this.workdir, target));
      await cp(from, intoFolder && statSync(from).isFile() ? join(to, basename(source)) : to, {
        recursive: true,
        filter: (file) =>
          instruction.flags['from'] !== undefined || this.#context.has(file.slice(this.#context.folder.length)),
      });
    }
  }

  /** Where something to copy is. @throws Error when it is not there. */
  #source(instruction: Instruction, source: string): string {
    const { from, ...others } = instruction.flags;
    if (Object.keys(others).length > 0)
      throw at(instruction, `COPY --${Object.keys(others).join(', --')} is not known here`);
    try {
      if (from === undefined) return this.#context.path(source);
      const stage = this.#earlier.find(({ name }) => name === from);
      if (stage === undefined) throw new Error(`there is no stage "${from}" above`);
      return stage.#pathOf(posix.resolve('/', source));
    } catch (error) {
      throw at(instruction, `COPY ${source}: ${(error as Error).message}`);
    }
  }

  #pathOf(path: string): string {
    const lent = this.#lentPackages;
    if (lent !== undefined && `${path}/`.startsWith(`${lent}/`)) {
      return join(this.#context.folder, 'node_modules', path.slice(lent.length));
    }
    const file = join(this.folder, path);
    if (!existsSync(file)) throw new Error(`the stage has no ${path}`);
    return file;
  }

  async #run(instruction: Instruction, command: string): Promise<void> {
    try {
      if (/^npm ci\b/.test(command)) await this.#install(command);
      else if (command.startsWith('apt-get ')) await this.#installPackages(command);
      else if (command === removesLists) return;
      else await this.#execute(command);
    } catch (error) {
      throw at(instruction, `RUN ${command}: ${complaint(error)}`);
    }
  }

  async #install(command: string): Promise<void> {
    for (const file of ['package.json', 'package-lock.json']) this.#pathOf(posix.join(this.workdir, file));
    const folder = join(this.folder, this.workdir);
    if (command === 'npm ci') {
      this.#lentPackages = posix.join(this.workdir, 'node_modules');
    } else if (command === 'npm ci --omit=dev') {
      await copyProductionPackages(this.#context.folder, folder);
      // npm writes what everybody may read; the checkout may have been made with another umask.
      await runCommand('chmod', ['-R', 'u=rwX,go=rX', join(folder, 'node_modules')]);
    } else throw new Error('only "npm ci" and "npm ci --omit=dev" are known here');
  }

  /** @throws Error when a package is not to be had: an image without it would be another image. */
  async #installPackages(command: string): Promise<void> {
    const [, verb, ...words] = command.split(/\s+/);
    if (verb === 'update') return;
    if (verb !== 'install') throw new Error('only "apt-get update" and "apt-get install" are known here');
    const packages = words.filter((word) => !word.startsWith('-'));
    if (this.#debian) this.#debian.install(packages);
    else await runCommand('dpkg', ['--status', ...packages]);
  }

  async #execute(command: string): Promise<void> {
    if (process.getuid?.() !== 0) throw new Error('this needs root: it runs in a file system of its own');
    const root = `${this.folder}.root`;
    await mkdir(root, { recursive: true });
    const lent = this.#lentPackages;
    const mounts = [
      { path: this.workdir, from: join(this.folder, this.workdir), writable: true },
      ...(lent === undefined
        ? []
        : [{ path: lent, from: join(this.#context.folder, 'node_modules'), writable: false }]),
    ];
    const base = this.#debian ? { base: this.folder } : {};
    const place = { ...base, root, mounts, workdir: this.workdir, user: this.user };
    const inside = inImageRoot(place, ['sh', '-ec', command]);
    await runCommand('unshare', ['--mount', ...inside], { env: this.env, timeout: 300_000 });
  }
}

/** What goes with `apt-get update` in an image. The machine's own lists are not in the way. */
const removesLists = 'rm -rf /var/lib/apt/lists/*';

/** What a command said; that it ran in a file system of its own, and how, is no help to whoever reads it. */
function complaint(error: unknown): string {
  const said = error instanceof CommandError ? error.stderr.trim() || error.stdout.trim() : '';
  return said === '' && error instanceof Error ? error.message : said;
}

function readUser(instruction: Instruction): ImageUser {
  const [, uid, gid] = /^(\d+):(\d+)$/.exec(instruction.text) ?? [];
  if (uid === undefined || gid === undefined) {
    throw at(instruction, `USER must be numbers (uid:gid), or runAsNonRoot cannot be checked: ${instruction.text}`);
  }
  return { uid: Number(uid), gid: Number(gid) };
}
