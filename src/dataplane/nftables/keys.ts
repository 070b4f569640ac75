import { placeText } from '../../ip/index.ts';
import type { Endpoint, Protocol } from '../../services/index.ts';
import type { FrontendAddress } from '../data-plane.ts';

/**
 * The text of the keys and data of our sets, made and taken apart here and nowhere else. Fields are joined as `nft`
 * prints them, so that what is written, what is read back and what a person sees is the same text.
 *
 *   frontend   10.96.0.10 . tcp . 80        of a NodePort: tcp . 30080
 *   slot       <frontend> . 2               -> endpoint
 *   endpoint   10.244.1.2 . 8080
 */
const joint = ' . ';

/** Where a Service port is reached, as far as a key says it. */
export type FrontendPlace = Omit<FrontendAddress, 'family'>;

/** `10.96.0.10 . tcp . 80`, or `tcp . 30080` for what has no address. */
export function frontendKey({ address, protocol, port }: FrontendPlace): string {
  const nodePort = `${protocol}${joint}${port}`;
  return address === undefined ? nodePort : `${address}${joint}${nodePort}`;
}

/** The reverse of `frontendKey`; undefined for what is none, as foreign elements are. */
export function parseFrontendKey(key: string): FrontendPlace | undefined {
  const fields = key.split(joint);
  const port = Number(fields.at(-1));
  const protocol = fields.at(-2);
  if (fields.length < 2 || fields.length > 3 || !Number.isInteger(port) || !isProtocol(protocol)) return undefined;
  const [address] = fields;
  return { protocol, port, ...(fields.length === 3 && address !== undefined ? { address } : {}) };
}

/** Transport protocols that Services can have. */
export const protocols = ['tcp', 'udp', 'sctp'] as const satisfies readonly Protocol[];

function isProtocol(text: string | undefined): text is Protocol {
  return protocols.some((protocol) => protocol === text);
}

/** `10.244.1.2 . 8080`. */
export function endpointText({ address, port }: Pick<Endpoint, 'address' | 'port'>): string {
  return `${address}${joint}${port}`;
}

/** The reverse of `endpointText`. */
export function parseEndpoint(text: string): { address: string; port: number } {
  const [address = '', port = ''] = text.split(joint);
  return { address, port: Number(port) };
}

/** `10.244.1.2:8080` or `[fd00::2]:8080` for people, from the data of a slot or of an affinity entry. */
export function endpointForPeople(text: string): string {
  return placeText(parseEndpoint(text));
}

export function slotKey(frontend: string, slot: number): string {
  return `${frontend}${joint}${slot}`;
}

/** An endpoint that may reach itself through a Service. */
export function hairpinKey(address: string): string {
  return `${address}${joint}${address}`;
}
