import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Namespace, whyNoNftables } from '../support/index.ts';
import { hostVariant, Iptables, RestoreError, variants } from '../../src/iptables/index.ts';
import type { Rules } from '../../src/iptables/index.ts';

let space: Namespace;
let iptables: Iptables;

beforeEach(async () => {
  space = await Namespace.create('iptables');
  iptables = new Iptables({ namespacePath: space.path });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await space[Symbol.asyncDispose]();
});

const table = (...lines: string[]): string => ['*nat', ...lines, 'COMMIT', ''].join('\n');

/** The error of a call that must fail. */
async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const missing = { nft: whyNoNftables(), legacy: undefined };

for (const variant of variants) {
  for (const family of [4, 6] as const) {
    const rules: Rules = { variant, family };
    const all = family === 4 ? '0.0.0.0' : '::';
    describe.skipIf(missing[variant] !== undefined)(`tables of iptables, variant ${variant}, IPv${family}`, () => {
      it('are read as they were written, and what others have there stays', async () => {
        await iptables.restore(rules, table(':THEIRS - [0:0]', '-A THEIRS -j RETURN'));
        await iptables.restore(rules, table(':OURS - [0:0]', '-A OURS -p tcp -m tcp --dport 80 -j RETURN'));
        await iptables.restore(rules, table('-I OURS 1 -p udp -j RETURN', '-D OURS 2'));
        const nat = (await iptables.save(rules)).get('nat');
        expect(nat?.get('THEIRS')).toEqual([{ text: '-j RETURN' }]);
        expect(nat?.get('OURS')).toEqual([{ text: '-p udp -j RETURN' }]);
      });

      it('are left as they are when one line is wrong, and the error names it', async () => {
        const wrong = `-A OURS -p tcp -j DNAT --to-destination ${family === 4 ? all : `[${all}]`}:70000`;
        const error = await failure(iptables.restore(rules, table(':OURS - [0:0]', '-A OURS -j RETURN', wrong)));
        expect(error).toBeInstanceOf(RestoreError);
        expect(error).toMatchObject({ line: wrong });
        expect(String(error)).toMatch(/xtables-\w+-multi ip6?tables-restore: .*70000.* in: -A OURS/);
        expect((await iptables.save(rules)).get('nat')?.has('OURS')).not.toBe(true);
      });

      it('are not made by reading them', async () => {
        expect(await iptables.save(rules)).toEqual(new Map());
        expect(iptables.legacyTables(family)).toEqual([]);
      });
    });
  }
}

describe.skipIf(missing.nft !== undefined)('which variant the host uses', () => {
  it('is nft where there is nothing', async () => {
    expect(await hostVariant(iptables)).toBe('nft');
  });

  it('is the one that has more rules', async () => {
    await iptables.restore({ variant: 'legacy', family: 6 }, table('-A OUTPUT -j RETURN'));
    expect(await hostVariant(iptables)).toBe('legacy');
    await iptables.restore({ variant: 'nft', family: 4 }, table('-A OUTPUT -j RETURN', '-A OUTPUT -j RETURN'));
    expect(await hostVariant(iptables)).toBe('nft');
  });

  it('is the one in which kubelet has left its sign, whatever else there is', async () => {
    const sign = '*mangle\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n';
    await iptables.restore({ variant: 'legacy', family: 4 }, sign);
    await iptables.restore({ variant: 'nft', family: 4 }, table('-A OUTPUT -j RETURN'));
    expect(await hostVariant(iptables)).toBe('legacy');
    await iptables.restore({ variant: 'nft', family: 6 }, sign);
    expect(await hostVariant(iptables)).toBe('nft');
  });

  it('cannot be told where the programs are missing, and the error says what to install', async () => {
    vi.stubEnv('PATH', '/nowhere');
    expect(String(await failure(hostVariant(iptables)))).toMatch(/xtables-nft-multi: install iptables/);
  });
});
