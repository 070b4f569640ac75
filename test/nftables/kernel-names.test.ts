import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** A number in our tables, and the name that the table says the kernel has for it. */
interface Named {
  readonly place: string;
  readonly value: number;
  readonly kernelName: string;
}

const source = fileURLToPath(new URL('../../src/', import.meta.url));
const files = [
  'netlink/constants.ts',
  'netlink/netfilter.ts',
  'nftables/constants.ts',
  'nftables/expressions/constants.ts',
  'conntrack/constants.ts',
];
const headers = [
  ...['netlink', 'rtnetlink', 'netfilter', 'netfilter/nfnetlink', 'netfilter/nf_tables', 'netfilter/nf_nat'],
  ...['netfilter/nfnetlink_conntrack', 'netfilter/nf_conntrack_common', 'netfilter/nf_conntrack_tuple_common'],
];
/** Younger than the headers that distributions ship (6.1 in Debian 12). */
const young = new Set(['NFT_MSG_DESTROYTABLE', 'NFT_TABLE_F_PERSIST', 'NFTA_SET_COUNT']);

/** `  setName: 1, // NFTA_LOOKUP_SET`, or `export const listElement = 1; // NFTA_LIST_ELEM`. */
const row =
  /^ *(?:export const )?['\w!=]+(?: =|:) (-?(?:0x)?[\da-f_]+)[,;](?: \/\/ ([A-Z][A-Z\d_]+(?:\([A-Z_]+\))?))?$/;

function rowsOf(file: string): { line: string; value: number; kernelName: string | undefined }[] {
  return readFileSync(`${source}${file}`, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, value, kernelName] = row.exec(line) ?? [];
      return value === undefined ? [] : [{ line, value: Number(value.replaceAll('_', '')), kernelName }];
    });
}

function namedNumbers(): Named[] {
  return files.flatMap((file) =>
    rowsOf(file).flatMap(({ line, value, kernelName }) =>
      kernelName === undefined ? [] : [{ place: `${file}: ${line.trim()}`, value, kernelName }],
    ),
  );
}

/** What the C compiler makes of the names, in the headers that this machine has. */
function valuesInHeaders(names: readonly string[]): number[] {
  const program = [
    '#include <stdio.h>',
    '#include <sys/socket.h>',
    ...headers.map((header) => `#include <linux/${header}.h>`),
    `int main(void) { long long values[] = { ${names.map((name) => `(long long)(${name})`).join(', ')} };`,
    'for (unsigned i = 0; i < sizeof values / sizeof *values; i++) printf("%lld\\n", values[i]); return 0; }',
  ].join('\n');
  const output = `/tmp/kernel-names-${process.pid}`;
  const shell = `cc -x c -o ${output} - && ${output}; status=$?; rm -f ${output}; exit $status`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', shell], { input: program, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the names do not compile: ${stderr}`);
  return stdout.trim().split('\n').map(Number);
}

const canCompile =
  existsSync('/usr/include/linux/netfilter/nf_tables.h') && spawnSync('cc', ['--version']).error === undefined;

describe("the numbers of netlink's messages and attributes", () => {
  it('all have the name that the kernel gives them', () => {
    const nameless = files.flatMap((file) =>
      rowsOf(file).flatMap(({ line, kernelName }) => (kernelName === undefined ? [`${file}: ${line.trim()}`] : [])),
    );
    expect(nameless).toEqual([]);
    expect(namedNumbers().length).toBeGreaterThan(150);
  });

  it('are never written where they are used', () => {
    const bare = /\b(?:writer\.(?:number|byte|string|bigNumber|binary|beginNested|beginAttribute)|get)\(\d/;
    const used = ['netlink', 'nftables', 'conntrack']
      .flatMap((room) => globSync(`${source}${room}/**/*.ts`))
      .filter((file) => !file.endsWith('.test.ts'));
    expect(used.length).toBeGreaterThan(30);
    expect(used.filter((file) => bare.test(readFileSync(file, 'utf8')))).toEqual([]);
  });

  it.skipIf(!canCompile)("are those of the kernel's own headers", () => {
    const known = namedNumbers().filter(({ kernelName }) => !young.has(kernelName));
    const theirs = valuesInHeaders(known.map(({ kernelName }) => kernelName));
    expect(known.map(({ place, value }) => [place, value])).toEqual(
      known.map(({ place }, index) => [place, theirs[index]]),
    );
  });
});
