import { serverText } from './configuration.ts';
import { sectionName, serverName } from './section.ts';
import type { Section, Server } from './section.ts';

/*
 * Commands to a worker's socket, one line each (management guide, 9.3). A name has no white space, and none of the signs by which
 * HAProxy tells one command from the next: it is made of a kind, numbers and an address.
 */

export type NamedSection = Pick<Section, 'kind' | 'number'>;

type Place = Pick<Server, 'address' | 'port'>;

/** Makes a server, out of use. */
export function add(section: NamedSection, server: Server): string {
  return `add server ${nameOf(section, server)} ${serverText(server, section.kind.protocol)}`;
}

/** Has a server get what is new. */
export function ready(section: NamedSection, server: Place): string {
  return `set server ${nameOf(section, server)} state ready`;
}

/** Gives a server another weight. */
export function weigh(section: NamedSection, server: Server): string {
  return `set server ${nameOf(section, server)} weight ${server.weight}`;
}

/** Gives a server nothing new. */
export function takeOut(section: NamedSection, server: Place): string {
  return `set server ${nameOf(section, server)} state maint`;
}

/** Deletes a server. */
export function remove(section: NamedSection, server: Place): string {
  return `del server ${nameOf(section, server)}`;
}

/** Has a section listen no more. */
export function close(section: NamedSection): string {
  return `shutdown frontend ${sectionName(section)}`;
}

function nameOf(section: NamedSection, server: Place): string {
  return `${sectionName(section)}/${serverName(server)}`;
}
