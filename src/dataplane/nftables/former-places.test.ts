import { describe, expect, it, vi } from 'vitest';
import type { NftablesSocket } from '../../nftables/index.ts';
import { createLogger } from '../../runtime/index.ts';
import { NftablesDataPlane } from './data-plane.ts';
import { becomeFormer, NodeRig, plainNode, ports, servicePort, table } from './testing/index.ts';

const services = ports(servicePort(1), servicePort(2, [1, 2]));
const hooks = ['prerouting', 'output'] as const;
type Hook = (typeof hooks)[number];

/** A base chain at which packets may be led to Services, and whether they are. */
interface Place {
  readonly name: string;
  readonly priority: number;
  readonly leads: boolean;
}
type State = readonly Place[];

async function placesAt(hook: Hook, socket: NftablesSocket): Promise<State> {
  const leading = new Set((await socket.rules(table)).map(({ chain }) => chain));
  const chains = (await socket.chains(table)).flatMap(({ name, base }) =>
    base?.hook === hook && base.priority < 300 ? [{ name, priority: base.priority, leads: leading.has(name) }] : [],
  );
  return chains.sort((a, b) => a.priority - b.priority);
}

/**
 * Whether a packet that is on its way while the kernel goes from one state to the next may be led nowhere. It meets each
 * chain as that is when it comes there, of those that were there when it came to the hook; the kernel makes new ones
 * known before there is anything in them.
 */
function slipsThrough(states: readonly State[]): boolean {
  return states.some((_, first) =>
    states.slice(first, first + 2).some((list) => {
      let now = first;
      for (const { name } of list) {
        now = states.findIndex((state, at) => at >= now && !leadsAt(state, name));
        if (now < 0) return false;
      }
      return true;
    }),
  );
}

function leadsAt(state: State, name: string): boolean {
  return state.some((place) => place.name === name && place.leads);
}

/** The states of a hook while an agent starts on what the one before has left; split where it waits for packets. */
async function statesDuringStart(rig: NodeRig, hook: Hook): Promise<State[][]> {
  const { kernel, foreigner } = rig;
  let states = [await placesAt(hook, foreigner)];
  const all = [states];
  const writer = kernel.open();
  const commit = writer.commit.bind(writer);
  vi.spyOn(writer, 'commit').mockImplementation(async (transaction) => {
    const result = await commit(transaction);
    states.push(await placesAt(hook, foreigner));
    return result;
  });
  const dataPlane = new NftablesDataPlane({
    writer,
    reader: kernel.open(),
    log: createLogger({ format: 'text', level: 'error', write: () => undefined }),
    drained: () => {
      all.push((states = states.slice(-1)));
      return Promise.resolve();
    },
  });
  await dataPlane.start(services, plainNode);
  dataPlane.close();
  return all;
}

describe.each(hooks)('a start over the table of a version that was asked elsewhere (%s)', (hook) => {
  it('leads every packet to Services that is on its way, and ends with our own chains only', async () => {
    const rig = new NodeRig();
    await rig.dataPlane.start(services, plainNode);
    await becomeFormer(rig);
    const all = await statesDuringStart(rig, hook);
    expect(all[0]?.[0]).toEqual([{ name: hook, priority: -100, leads: true }]);
    expect(all.at(-1)?.at(-1)).toEqual([{ name: `${hook}_first`, priority: -101, leads: true }]);
    expect(all.map(slipsThrough)).toEqual(all.map(() => false));
  });

  it('could not do so in one step: a packet would come to the new chain too early and to the other too late', () => {
    const before = [{ name: hook, priority: -100, leads: true }];
    const after = [{ name: `${hook}_first`, priority: -101, leads: true }];
    expect(slipsThrough([before, after])).toBe(true);
  });
});
