import { describe, expect, it } from 'vitest';
import { ask, dump, linkChangeOf, linkGroup, links, NetlinkError, NetlinkSocket } from '../../src/netlink/index.ts';
import type { LinkChange, MessageWriter, NetlinkProtocol, NetlinkRequest } from '../../src/netlink/index.ts';
import { afterThisTest, host } from './host.ts';

async function open(protocol: NetlinkProtocol, label: string) {
  const { namespace } = await host(label);
  const socket = NetlinkSocket.open(protocol, { namespacePath: namespace.path });
  afterThisTest(() => {
    socket.close();
  });
  return { namespace, socket };
}

/** linux/rtnetlink.h, linux/if_link.h */
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
/** sizeof(struct ifinfomsg) */
const linkHeaderLength = 16;

const listLinks: NetlinkRequest = {
  description: 'list links',
  type: RTM_GETLINK,
  body: (writer) => {
    writer.zeros(linkHeaderLength);
  },
};

describe('rtnetlink, over the same classes as nf_tables', () => {
  it('lists the links of a network namespace', async () => {
    const { namespace, socket } = await open('route', 'links');
    await namespace.run('ip', ['link', 'add', 'v7', 'mtu', '1404', 'type', 'veth', 'peer', 'v8']);
    const listed = await dump(socket, listLinks, () => {
      const found: Record<string, number> = {};
      return {
        use: ({ type, payload }) => {
          expect(type).toBe(RTM_NEWLINK);
          const attributes = payload.after(linkHeaderLength);
          const name = attributes.get(IFLA_IFNAME)?.string() ?? '';
          found[name] = attributes.get(IFLA_MTU)?.u32HostEndian() ?? 0;
        },
        result: () => found,
      };
    });
    expect(listed).toMatchObject({ lo: 65_536, v7: 1404, v8: 1500 });
  });

  it('tells interfaces with the bridge that they are part of, and what becomes of them', async () => {
    const { namespace, socket } = await open('route', 'hearing');
    const listener = socket.listen(linkGroup);
    afterThisTest(() => listener.close());
    await namespace.ip('link add v7 type veth peer v8', 'link add br0 type bridge', 'link set v7 master br0');
    const named = new Map((await links(socket)).map((link) => [link.name, link]));
    const bridge = named.get('br0')?.number;
    expect(named.get('lo')).toMatchObject({ number: 1, loopback: true });
    expect(named.get('v7')).toMatchObject({ loopback: false, master: bridge });
    expect(named.get('v8')).not.toHaveProperty('master');
    const heard = (): LinkChange[] => {
      const changes: LinkChange[] = [];
      // Each is valid until the next.
      for (const message of listener.answers()) changes.push(...[linkChangeOf(message) ?? []].flat());
      return changes;
    };
    expect(heard()).toContainEqual({ link: named.get('v7') });
    await namespace.ip('link set v7 nomaster');
    const left = heard();
    expect(left).toContainEqual({ link: { number: named.get('v7')?.number, name: 'v7', loopback: false } });
    // A bridge says of one that leaves it what others say of one that is gone.
    expect(left).not.toContainEqual({ gone: named.get('v7')?.number });
    await namespace.ip('link del v7');
    expect(heard()).toContainEqual({ gone: named.get('v7')?.number });
  });

  it('says what the kernel does not have', async () => {
    const { socket } = await open('route', 'no-link');
    const oneLink: NetlinkRequest = {
      description: 'get link nonesuch',
      type: RTM_GETLINK,
      body: (writer) => {
        writer.zeros(linkHeaderLength);
        writer.string(IFLA_IFNAME, 'nonesuch');
      },
      hint: (code) => (code === 'ENODEV' ? ' (there is no such link)' : ''),
    };
    const asking = (): void => {
      ask(socket, oneLink, () => undefined);
    };
    expect(asking).toThrow(NetlinkError);
    expect(asking).toThrow('get link nonesuch: ENODEV (there is no such link)');
  });
});

/** linux/genetlink.h */
const GENL_ID_CTRL = 16;
const CTRL_CMD_NEWFAMILY = 1;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const CTRL_ATTR_OPS = 6;
const CTRL_ATTR_OP_ID = 1;
/** sizeof(struct genlmsghdr) */
const genericHeaderLength = 4;

/** genlmsghdr: command, version, reserved. */
function genericHeader(writer: MessageWriter, command: number): void {
  writer.u8(command);
  writer.u8(1);
  writer.zeros(2);
}

function getFamily(name: string): NetlinkRequest {
  return {
    description: `get family ${name}`,
    type: GENL_ID_CTRL,
    body: (writer) => {
      genericHeader(writer, CTRL_CMD_GETFAMILY);
      writer.string(CTRL_ATTR_FAMILY_NAME, name);
    },
  };
}

describe('generic netlink, over the same classes as nf_tables', () => {
  it('tells the number of a family by its name, and what it can be asked', async () => {
    const { socket } = await open('generic', 'family');
    let family: { command: number; id?: number; operations: (number | undefined)[] } | undefined;
    ask(socket, getFamily('nlctrl'), ({ payload }) => {
      const attributes = payload.after(genericHeaderLength);
      const operations = [...(attributes.get(CTRL_ATTR_OPS)?.attributes() ?? [])];
      const id = attributes.get(CTRL_ATTR_FAMILY_ID)?.u16HostEndian();
      family = {
        command: payload.u8(),
        ...(id === undefined ? {} : { id }),
        operations: operations.map(([, operation]) => operation.get(CTRL_ATTR_OP_ID)?.u32HostEndian()),
      };
    });
    expect(family).toMatchObject({ command: CTRL_CMD_NEWFAMILY, id: GENL_ID_CTRL });
    expect(family?.operations).toContain(CTRL_CMD_GETFAMILY);
  });

  it('says that there is no such family', async () => {
    const { socket } = await open('generic', 'no-family');
    expect(() => {
      ask(socket, getFamily('nonesuch'), () => undefined);
    }).toThrow('get family nonesuch: ENOENT');
  });
});

describe('a socket of one protocol', () => {
  it('does not take the messages of another', async () => {
    const { socket } = await open('generic', 'mixed');
    await expect(dump(socket, listLinks, () => ({ use: () => undefined, result: () => 0 }))).rejects.toThrow(
      NetlinkError,
    );
  });
});
