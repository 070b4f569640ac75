import { flowtableAttribute } from '../../constants.ts';
import { decodeFlowtable } from '../../objects/index.ts';
import { tableOf } from './change.ts';
import type { Change, Effect } from './change.ts';
import { Refusal } from './refusal.ts';

/** NFT_NETDEVICE_MAX: so many devices are one too many for a message. */
const tooManyDevices = 256;

/** NEWFLOWTABLE: makes one, or adds devices to it; those that it has change nothing. nf_tables_newflowtable */
export function newFlowtable(change: Change): Effect {
  const { attributes, features, hasDevice } = change;
  const table = tableOf(change, flowtableAttribute.table);
  // The module is not there.
  if (!features.flowtables) throw new Refusal('ENOENT');
  const { name, devices } = decodeFlowtable(attributes);
  if (devices.length >= tooManyDevices) throw new Refusal('EFBIG');
  if (devices.some((device) => !hasDevice(device))) throw new Refusal('ENOENT');
  const present = table.flowtables.get(name);
  table.flowtables.set(name, new Set([...(present ?? []), ...devices]));
  return true;
}

/** DELFLOWTABLE, of devices or as a whole. nf_tables_delflowtable */
export function deleteFlowtable(change: Change): Effect {
  const table = tableOf(change, flowtableAttribute.table);
  const { name, devices } = decodeFlowtable(change.attributes);
  const present = table.flowtables.get(name);
  if (present === undefined) throw new Refusal('ENOENT');
  if (change.attributes.get(flowtableAttribute.hook) !== undefined) {
    if (devices.some((device) => !present.has(device))) throw new Refusal('ENOENT');
    table.flowtables.set(name, new Set([...present].filter((device) => !devices.includes(device))));
    return true;
  }
  const rules = [...table.chains.values()].flatMap((chain) => chain.rules);
  if (rules.some(({ references }) => references.some(({ flowtable }) => flowtable === name)))
    throw new Refusal('EBUSY');
  return table.flowtables.delete(name);
}
