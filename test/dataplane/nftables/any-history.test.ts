import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NodeSettings } from '../../../src/dataplane/index.ts';
import { kernelView, NftablesDataPlane, trace } from '../../../src/dataplane/nftables/index.ts';
import { NftablesSocket } from '../../../src/nftables/index.ts';
import { createLogger } from '../../../src/runtime/index.ts';
import {
  expectedOutcome,
  expectedState,
  history,
  nodeAddresses,
  outcomeOf,
  packetOf,
  visits,
  visitText,
} from '../../oracle/index.ts';
import { Namespace } from '../../support/index.ts';
import { act } from './random/foreigner.ts';
import { listing, withoutRulesThatStay } from './random/listing.ts';
import { RandomNode } from './random/random-node.ts';
import type { Step } from './random/random-node.ts';

// More for a long run: NFTPROXY_PROPERTY_RUNS=1000 npx vitest run test/dataplane/nftables/any-history.test.ts
const runs = process.env['NFTPROXY_PROPERTY_RUNS'];
/** The same few stories every time; as many others as are asked for. */
const property = runs === undefined ? { numRuns: 10, seed: 8 } : { numRuns: Number(runs) };

const detector = fc.constantFrom<NodeSettings['detectors'][4]>(
  { by: 'source' },
  { by: 'interface', name: 'cni0', prefix: false },
  { by: 'interface', name: 'veth', prefix: true },
);

const settings: fc.Arbitrary<NodeSettings> = fc.record({
  detectors: fc.record({ 4: detector, 6: detector }, { requiredKeys: [] }) as fc.Arbitrary<NodeSettings['detectors']>,
  masqueradeAll: fc.boolean(),
  nodePortAddresses: fc.constantFrom(
    [`${nodeAddresses[4]}/32`, `${nodeAddresses[6]}/128`],
    ['0.0.0.0/0', '::/0'],
    ['192.168.0.0/16', '192.168.7.0/24', 'fd77::/64'],
  ),
  localSources: fc.constantFrom([], ['10.244.0.0/16'], ['10.244.1.0/24', 'fd00:10:244::/48']),
  serviceCIDRs: fc.constantFrom([], ['10.96.0.0/16'], ['10.96.0.0/12', '10.96.0.0/16', 'fd00::/108']),
});

// A start makes some forty requests, a change some five.
const death = fc.record({ requests: fc.oneof(fc.nat(8), fc.nat(60)), sent: fc.boolean() });

const disturbance: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill' as const), death }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('foreign' as const), act, meanwhile: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settings' as const), settings }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: 'restart' }, { kind: 'look' }) },
);

type Story = typeof story extends fc.Arbitrary<infer Told> ? Told : never;

const story = fc.record({
  owned: fc.boolean(),
  settings,
  history,
  disturbances: fc.array(fc.record({ before: fc.nat(30), step: disturbance }), {
    minLength: 3,
    maxLength: 12,
    size: 'max',
  }),
});

let node: Namespace;
let other: Namespace;
let foreigner: NftablesSocket;
let fresh: NftablesDataPlane;

beforeAll(async () => {
  ({ node, other } = await Namespace.createAll({ node: {}, other: {} }));
  foreigner = NftablesSocket.open({ namespacePath: node.path });
  const open = (): NftablesSocket => NftablesSocket.open({ namespacePath: other.path });
  const log = createLogger({ format: 'text', level: 'error', write: (line) => process.stderr.write(line) });
  fresh = new NftablesDataPlane({ writer: open(), reader: open(), log, drained: () => Promise.resolve() });
});

afterAll(async () => {
  foreigner.close();
  fresh.close();
  await Promise.all([node.destroy(), other.destroy()]);
});

function stepsOf({ history: { events }, disturbances }: Story): Step[] {
  return [...events, undefined].flatMap((event, at): Step[] => [
    ...disturbances.filter(({ before }) => Math.min(before, events.length) === at).map(({ step }) => step),
    ...(event ? [{ kind: 'event', event } as const] : []),
  ]);
}

/** Every packet meets what is prescribed, and the whole table is the one that a fresh start would make. */
async function expectRight(agent: RandomNode): Promise<void> {
  const { ports } = expectedState(agent.cluster);
  const view = await kernelView(foreigner, 'nftproxy');
  for (const visit of visits(ports.values(), agent.settings.masqueradeAll)) {
    const outcome = outcomeOf(await trace(view, packetOf(visit)));
    expect(outcome, visitText(visit)).toEqual(expectedOutcome(visit));
  }
  const fresh = await listing(other);
  expect(withoutRulesThatStay(await listing(node), fresh)).toEqual(fresh);
  const numbers = (await foreigner.chains('nftproxy')).flatMap(({ name }) => /\.(\d+)$/.exec(name)?.[1] ?? []);
  expect(new Set(numbers).size).toBe(1);
  expect((await foreigner.tables()).find(({ name }) => name === 'nftproxy')?.flags.dormant).toBe(false);
}

describe('a node, whatever happens on it', () => {
  it('ends with what Kubernetes prescribes for the objects as they are then', { timeout: 3_600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        await node.nft(
          `flush ruleset${told.owned ? '' : '\nadd table inet nftproxy { comment "nftproxy data plane"; }'}`,
        );
        const agent = new RandomNode(node, foreigner, { config: told.history.config, settings: told.settings });
        try {
          for (const step of stepsOf(told)) await agent.do(step);
          await fresh.start(agent.wanted, agent.settings);
          await agent.settle(() => expectRight(agent));
        } finally {
          agent.close();
        }
      }),
      property,
    );
  });
});
