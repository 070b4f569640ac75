import { isDeepStrictEqual } from 'node:util';
import {
  ForeignStateError,
  NodeRig,
  plainNode,
  ports,
  servicePort,
  table,
} from '../../../src/dataplane/nftables/testing/index.ts';
import { NetlinkError } from '../../../src/netlink/index.ts';
import type { SetDefinition } from '../../../src/nftables/index.ts';
import type { Json, Target } from '../engine/target.ts';
import { changeNames, makeForeignChanges } from './foreign-changes.ts';
import { check } from './promised.ts';

const wanted = ports(
  servicePort(1, [1, 2], { affinitySeconds: 60 }),
  servicePort(2, [3]),
  servicePort(3, []),
  servicePort(4, [4, 5], { algorithm: 'round-robin' }),
);
const node = { ...plainNode, serviceCIDRs: ['10.96.0.0/16'] };

async function started(): Promise<NodeRig> {
  const rig = new NodeRig({ owner: false, persist: false });
  await rig.dataPlane.start(wanted, node);
  return rig;
}

/** Without the number of a generation, which is another one after each start. */
const nameOf = (kernelName: string): string => kernelName.replace(/\.\d+$/, '');

interface Contents {
  readonly chains: unknown;
  readonly rules: unknown;
  readonly sets: unknown;
  readonly elements: unknown;
}

const nothing: Contents = { chains: [], rules: [], sets: [], elements: [] };

const byText = (items: readonly unknown[]): string[] => items.map((each) => JSON.stringify(each)).sort();

/** All that is in our table and that packets may meet; clients that are remembered come from packets themselves. */
async function contentsOf({ foreigner }: NodeRig): Promise<Contents & { readonly flowtables: unknown }> {
  const chains = await foreigner.chains(table);
  const sets = await foreigner.sets(table);
  const elements = [];
  for (const { name, definition: set } of sets) {
    if (set === undefined || set.dynamic === true) continue;
    for (const { key, data } of await foreigner.elements(table, set))
      elements.push([nameOf(name), key, set.data === 'verdict' ? nameOf(data ?? '') : data]);
  }
  return {
    chains: byText(chains.map(({ name, base, drops }) => [nameOf(name), base, drops])),
    rules: await rulesOf(foreigner, nameOf),
    sets: byText(sets.map(({ name, definition }) => ({ ...definition, name: nameOf(name) }))),
    elements: byText(elements),
    flowtables: byText(await foreigner.flowtables(table)),
  };
}

async function rulesOf(
  foreigner: NodeRig['foreigner'],
  name: (chain: string) => string,
): Promise<Record<string, string>> {
  const rules: Record<string, string> = {};
  for (const { chain, fingerprint = '?', leadsTo } of await foreigner.rules(table)) {
    // Those of base chains name the generation that they lead to.
    const text = chain.includes('.') ? fingerprint : `to ${leadsTo.map(name).join()}`;
    rules[name(chain)] = `${rules[name(chain)] ?? ''} ${text}`;
  }
  return rules;
}

/** What an audit looks at: what was written, as far as it is there, and who else is asked about packets. */
async function inForce(
  { foreigner }: NodeRig,
  written: { chains: ReadonlySet<string>; sets: readonly SetDefinition[] },
): Promise<Contents> {
  if (!(await foreigner.tables()).some(({ name }) => name === table)) return nothing;
  const rules = await rulesOf(foreigner, (chain) => chain);
  const chains = (await foreigner.chains(table)).filter(
    ({ name, base }) => base !== undefined || written.chains.has(name),
  );
  const present = new Map((await foreigner.sets(table)).map(({ name, definition }) => [name, definition]));
  const elements = [];
  for (const set of written.sets) {
    if (set.dynamic === true || !present.has(set.name)) continue;
    elements.push([set.name, await foreigner.elements(table, set).then(byText, malformed)]);
  }
  return {
    chains: byText(chains.map(({ name, base, drops }) => [name, base, drops])),
    rules: byText(chains.map(({ name }) => [name, rules[name]])),
    sets: byText(written.sets.map(({ name }) => present.get(name) ?? name)),
    elements: byText(elements),
  };
}

/** Elements that are not of the type that was written. */
function malformed(error: unknown): unknown {
  if (error instanceof NetlinkError) return error.code;
  throw error;
}

/** Something of which one has another than the other. */
function firstOther(is: unknown, was: unknown): string {
  const [one, other] = [is, was].map((each) => byText(Object.entries(each as object)));
  const differing = [...new Set([...(one ?? []), ...(other ?? [])])].filter(
    (each) => one?.includes(each) !== other?.includes(each),
  );
  return differing.slice(0, 4).join(' ');
}

const change = (what: string, at: number, other = 0, text = 'x'): Json => ({ do: what, at, other, text });

/** One of each, and some together that are meant: names of other generations, a table that is not ours. */
const seeds: readonly Json[] = [
  [],
  ...changeNames.map((name) => [change(name, 3, 5)]),
  [
    change('addSet', 0, 0, 'service_ports4.7'),
    change('addSet', 4, 0, 'services4.9'),
    change('addChain', 2, 0, 'services.2'),
  ],
  [
    change('addBaseChain', 1, -101, 'output_first'),
    change('addBaseChain', 0, 5, 'theirs'),
    change('addRule', 0, 1, 'goto'),
  ],
  [change('makeTableAnew', 0, 0, 'theirs')],
  [change('makeTableAnew', 0, 0, 'nftproxy data plane'), change('addChain', 0, 0, 'services.999999999')],
];

const steps = { perByte: 20_000, any: 60_000_000 };

/** What a start on an empty node makes. */
let fresh: Promise<Contents> | undefined;

export const adoptionTargets: readonly Target[] = [
  {
    name: 'adoption.start',
    promise:
      'whatever is left in our table, after a start it holds what it holds on an empty node; or nothing is changed, and it is said why',
    kind: 'value',
    seeds,
    steps,
    run: async (input) => {
      fresh ??= started().then(contentsOf);
      const rig = await started();
      await makeForeignChanges(rig, input);
      rig.restart();
      const before = String(rig.kernel);
      try {
        const { refused } = await rig.dataPlane.start(wanted, node);
        check(refused.length === 0, `nothing is refused: ${JSON.stringify(refused)}`);
        const [is, was] = [await contentsOf(rig), await fresh];
        for (const part of ['chains', 'rules', 'sets', 'elements'] as const)
          check(
            isDeepStrictEqual(is[part], was[part]),
            `${part} are as after a start on an empty node: ${firstOther(is[part], was[part])}`,
          );
        check(isDeepStrictEqual(is, was), 'flowtables too');
        check((await rig.dataPlane.verify()) === 'intact', 'which is intact');
      } catch (error) {
        if (!(error instanceof ForeignStateError)) throw error;
        check(String(rig.kernel) === before, 'nothing is changed where the table is somebody else’s');
      } finally {
        rig.dataPlane.close();
      }
    },
  },
  {
    name: 'adoption.audit',
    promise: 'what somebody changes of what packets meet in our table is noticed, and nothing else is taken for that',
    kind: 'value',
    seeds,
    steps,
    run: async (input) => {
      const rig = await started();
      const chains = new Set((await rig.foreigner.chains(table)).map(({ name }) => name));
      const sets = (await rig.foreigner.sets(table)).flatMap(({ definition }) => definition ?? []);
      const before = await inForce(rig, { chains, sets });
      await makeForeignChanges(rig, input);
      const isSame = isDeepStrictEqual(await inForce(rig, { chains, sets }), before);
      const found = await rig.dataPlane.verify();
      check(
        found === (isSame ? 'intact' : 'changed'),
        `the table is ${isSame ? '' : 'not '}as it was, and is found ${found}`,
      );
      rig.dataPlane.close();
    },
  },
];
