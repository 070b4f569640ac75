const AF_INET = 2;
const AF_INET6 = 10;

/** `struct sockaddr_in` or `sockaddr_in6` of an address in bytes; raw sockets have port 0. */
export function socketAddress(host: Uint8Array, port = 0): Uint8Array {
  const bytes = new Uint8Array(host.length === 4 ? 16 : 28);
  // The family is in the host's byte order, the port in the network's.
  new Uint16Array(bytes.buffer, 0, 1)[0] = host.length === 4 ? AF_INET : AF_INET6;
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(host, host.length === 4 ? 4 : 8);
  return bytes;
}
