import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import koffi from 'koffi';

/**
 * The system calls a netlink socket needs, through the C library that the Node process already has loaded (so the
 * same code runs on glibc and musl). Buffers are passed by reference: no copies.
 */
const library = koffi.load(null);

type Pointer = Uint8Array | null;

/** A C function that returns -1 on failure and can run on a worker thread. */
interface SystemCall<Arguments extends readonly unknown[]> {
  (...args: Arguments): number;
  async(...args: [...Arguments, (error: Error | null, result: number) => void]): void;
}

function systemCall<Arguments extends readonly unknown[]>(prototype: string): SystemCall<Arguments> {
  // koffi types its functions as `any`-callables; the prototype is the single source of truth for both.
  return library.func(prototype);
}

const open = systemCall<[string, number]>('int open(const char *path, int flags)');
const close = systemCall<[number]>('int close(int fd)');
const setns = systemCall<[number, number]>('int setns(int fd, int type)');
const socket = systemCall<[number, number, number]>('int socket(int domain, int type, int protocol)');
const bind = systemCall<[number, Pointer, number]>('int bind(int fd, const void *address, uint32_t length)');
const getsockname = systemCall<[number, Uint8Array, Uint8Array]>(
  'int getsockname(int fd, _Inout_ void *address, _Inout_ void *length)',
);
const setsockopt = systemCall<[number, number, number, Uint8Array, number]>(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
);
const getsockopt = systemCall<[number, number, number, Uint8Array, Uint8Array]>(
  'int getsockopt(int fd, int level, int name, _Inout_ void *value, _Inout_ void *length)',
);
const send = systemCall<[number, Uint8Array, number, number]>(
  'intptr_t send(int fd, const void *buffer, size_t length, int flags)',
);
const recv = systemCall<[number, Uint8Array, number, number]>(
  'intptr_t recv(int fd, _Inout_ void *buffer, size_t length, int flags)',
);

/** struct sock_fprog of linux/filter.h: `filter` has `len` instructions of eight bytes. */
const filterProgram = koffi.struct({ len: 'uint16', filter: 'void *' });
const setsockoptFilter: SystemCall<[number, number, number, FilterProgram, number]> = library.func(
  'setsockopt',
  'int',
  [...['int', 'int', 'int'], koffi.pointer(filterProgram), 'uint32'],
);

interface FilterProgram {
  readonly len: number;
  readonly filter: Uint8Array;
}

/** SO_ATTACH_FILTER of asm-generic/socket.h, at SOL_SOCKET. */
const attachFilter = (descriptor: number, program: FilterProgram): number =>
  setsockoptFilter(descriptor, 1, 26, program, koffi.sizeof(filterProgram));

export const libc = { open, close, setns, socket, bind, getsockname, getsockopt, setsockopt, attachFilter, send, recv };

/** Memory outside of the garbage collector's reach, for structures that point to it. */
export interface Memory extends Disposable {
  readonly address: bigint;
  /** Not to be used after the memory has been given back. */
  readonly bytes: ArrayBuffer;
}

/** So many bytes of {@link Memory}, all zero; it stays until it is disposed of. */
export function memory(length: number): Memory {
  // koffi's pointers have no type.
  const pointer: unknown = koffi.alloc('uint8_t', Math.max(1, length));
  const bytes = koffi.view(pointer, length);
  new Uint8Array(bytes).fill(0);
  return {
    address: koffi.address(pointer),
    bytes,
    [Symbol.dispose]: () => {
      koffi.free(pointer);
    },
  };
}

/** Error numbers of Linux by name; libuv does not know ERESTART: a batch came with an outdated generation. */
export const errno = { ...constants.errno, ERESTART: 85 } as const;

const errnoNames = new Map([...getSystemErrorMap()].map(([number, [name]]) => [-number, name]));
errnoNames.set(errno.ERESTART, 'ERESTART');
// libuv does not know this one.
errnoNames.set(errno.EBADMSG, 'EBADMSG');
// It says ENOTSUP, and does not know the kernel's own ENOTSUPP.
errnoNames.set(errno.EOPNOTSUPP, 'EOPNOTSUPP').set(524, 'ENOTSUPP');

/** `EEXIST` for 17; `errno 999` for what nobody knows. Linux numbers. */
export function errnoName(number: number): string {
  return errnoNames.get(number) ?? `errno ${number}`;
}

/** Of the last system call on this thread. */
export function lastErrno(): number {
  return koffi.errno();
}
