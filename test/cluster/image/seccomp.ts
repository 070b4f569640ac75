import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';

/**
 * What containerd's and Docker's default profile refuses to a container without CAP_SYS_ADMIN and its like
 * (docs.docker.com/engine/security/seccomp, "Significant syscalls blocked by the default profile"; io_uring and userfaultfd
 * since 2023).
 */
const refused = [
  ...[
    'acct',
    'add_key',
    'bpf',
    'clock_adjtime',
    'clock_settime',
    'delete_module',
    'finit_module',
    'fsconfig',
    'fsmount',
  ],
  ...['fsopen', 'fspick', 'get_mempolicy', 'init_module', 'io_uring_enter', 'io_uring_register', 'io_uring_setup'],
  ...['ioperm', 'iopl', 'kcmp', 'kexec_file_load', 'kexec_load', 'keyctl', 'lookup_dcookie', 'mbind', 'mount'],
  ...['mount_setattr', 'move_mount', 'move_pages', 'name_to_handle_at', 'open_by_handle_at', 'open_tree'],
  ...['perf_event_open', 'personality', 'pivot_root', 'process_vm_readv', 'process_vm_writev', 'ptrace', 'quotactl'],
  ...['reboot', 'request_key', 'set_mempolicy', 'setns', 'settimeofday', 'swapoff', 'swapon', 'sysfs', 'umount2'],
  ...['unshare', 'userfaultfd', 'vhangup'],
];

/** `clone` with any of these makes a namespace (linux/sched.h, CLONE_NEW*). */
const cloneNamespaces = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];
const afVsock = 40;

/** seccomp.h of libseccomp. */
const allow = 0x7fff0000;
const errno = (number: number): number => 0x00050000 | number;
const [equal, maskedEqual] = [4, 7];
/** Of the system call `seccomp` on this processor. */
const systemCall = process.arch === 'x64' ? 317 : 277;

type Comparison = { arg: number; op: number; a: number; b: number };

/** The filter as the kernel takes it, by libseccomp, which is on every Debian. @throws Error that names what it refuses. */
function compile(): Buffer {
  const library = koffi.load('libseccomp.so.2');
  const comparison = koffi.struct({ arg: 'uint', op: 'int', a: 'uint64_t', b: 'uint64_t' });
  const resolve = library.func('int seccomp_syscall_resolve_name(const char *name)') as (name: string) => number;
  const init = library.func('void *seccomp_init(uint32_t action)') as (action: number) => unknown;
  const release = library.func('void seccomp_release(void *filter)') as (filter: unknown) => void;
  const exportTo = library.func('int seccomp_export_bpf(void *filter, int fd)') as (
    filter: unknown,
    fd: number,
  ) => number;
  const add = library.func('seccomp_rule_add_array', 'int', [
    ...['void *', 'uint32_t', 'int', 'uint'],
    koffi.pointer(comparison),
  ]) as (...words: [filter: unknown, action: number, call: number, count: number, Comparison[]]) => number;
  const filter = init(allow);
  const folder = mkdtempSync(join(tmpdir(), 'seccomp-'));
  try {
    const refuse = (name: string, code: number, ...comparisons: Comparison[]): void => {
      const result = add(filter, errno(code), resolve(name), comparisons.length, comparisons);
      if (result !== 0) throw new Error(`libseccomp refuses a rule for ${name}: ${result}`);
    };
    for (const name of refused) refuse(name, 1);
    for (const flag of cloneNamespaces) refuse('clone', 1, { arg: 0, op: maskedEqual, a: flag, b: flag });
    // Its flags are in memory, where no filter sees them; libraries take clone when there is none (ENOSYS).
    refuse('clone3', 38);
    refuse('socket', 1, { arg: 0, op: equal, a: afVsock, b: 0 });
    const file = openSync(join(folder, 'filter'), 'w');
    const exported = exportTo(filter, file);
    closeSync(file);
    if (exported !== 0) throw new Error(`libseccomp cannot export the filter: ${exported}`);
    return readFileSync(join(folder, 'filter'));
  } finally {
    release(filter);
    rmSync(folder, { recursive: true });
  }
}

let words: readonly string[] | undefined;

/**
 * The words before a command that let it run under a filter like `RuntimeDefault`: perl, which every Debian has, loads it
 * and becomes the command. Needs CAP_SYS_ADMIN at that moment.
 */
export function underRuntimeDefault(): readonly string[] {
  const program =
    `my $filter = pack('H*', shift); my $fprog = pack('S x![P] P', length($filter) / 8, $filter);` +
    ` syscall(${systemCall}, 1, 0, $fprog) == 0 or die "seccomp: $!"; exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!"`;
  words ??= ['perl', '-e', program, compile().toString('hex')];
  return words;
}
