import { hostIsLittleEndian } from './message-writer.ts';

/** Numbers by their names. Source: linux/bpf_common.h. */
const BPF_LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const BPF_JUMP_IF_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const BPF_RETURN = 0x06; // BPF_RET | BPF_K

/** Of nlmsghdr.nlmsg_pid: the port that caused a message. */
const portIdOffset = 12;
const wholeMessage = 0xffff_ffff;

interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/**
 * A socket filter (struct sock_filter of linux/filter.h) that drops messages which the socket with this port has caused.
 */
export function withoutSender(portId: number): { len: number; filter: Uint8Array } {
  const instructions: Instruction[] = [
    { code: BPF_LOAD_WORD, jt: 0, jf: 0, k: portIdOffset },
    { code: BPF_JUMP_IF_EQUAL, jt: 0, jf: 1, k: asLoaded(portId) },
    { code: BPF_RETURN, jt: 0, jf: 0, k: 0 },
    { code: BPF_RETURN, jt: 0, jf: 0, k: wholeMessage },
  ];
  const filter = new Uint8Array(instructions.length * 8);
  const view = new DataView(filter.buffer);
  instructions.forEach(({ code, jt, jf, k }, index) => {
    view.setUint16(index * 8, code, hostIsLittleEndian);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k, hostIsLittleEndian);
  });
  return { len: instructions.length, filter };
}

/** The program loads numbers as big-endian, whatever they are. */
function asLoaded(portId: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, portId, hostIsLittleEndian);
  return view.getUint32(0);
}
