/**
 * The program of the container that holds a network: it waits, and does nothing else. The driver
 * carries it along, so that no registry and no image is needed for it, nor a shell in one.
 *
 * It is linked to nothing: an ELF header, one program header, then its instructions, which are these.
 *
 *   x64                              arm64
 *   again: mov  eax, 34  ; pause     again: mov  x8, #73  ; ppoll(NULL, 0, NULL, NULL)
 *          syscall                          mov  x0, #0
 *          jmp  again                       mov  x1, #0
 *                                           mov  x2, #0
 *                                           mov  x3, #0
 *                                           svc  #0
 *                                           b    again
 *
 * Numbers of system calls: Linux, arch/x86/entry/syscalls/syscall_64.tbl and
 * include/uapi/asm-generic/unistd.h. Being the first process of its container, it is ended by SIGKILL alone.
 */

/** Where the program is loaded, as linkers have it; any page but the first would do. */
const BASE = 0x40_0000;
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;

interface Machine {
  /** Its number in an ELF header. */
  readonly machine: number;
  /** Bytes of a page, at most: a segment begins on one. */
  readonly pageBytes: number;
  readonly instructions: Buffer;
}

/** By `process.arch`. */
const MACHINES: Readonly<Record<string, Machine>> = {
  x64: {
    machine: 62,
    pageBytes: 0x1000,
    instructions: Buffer.from('b822000000' + '0f05' + 'ebf7', 'hex'),
  },
  arm64: {
    machine: 183,
    pageBytes: 0x1_0000,
    instructions: words([
      ...[0xd280_0928, 0xd280_0000, 0xd280_0001, 0xd280_0002, 0xd280_0003],
      ...[0xd400_0001, 0x17ff_fffa],
    ]),
  },
};

function words(all: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * all.length);
  for (const [index, word] of all.entries()) bytes.writeUInt32LE(word, 4 * index);
  return bytes;
}

/** The program for machines of an architecture, as `process.arch` has it; undefined: there is none. */
export function waitingProgram(architecture: string): Buffer | undefined {
  const found = MACHINES[architecture];
  if (!found) return undefined;
  const { machine, pageBytes, instructions } = found;
  const headerBytes = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;
  const sizeBytes = headerBytes + instructions.length;
  const elf = Buffer.alloc(headerBytes);
  // 64 bits, little-endian, version 1; then for Linux as for every System V.
  elf.write('7f454c46020101', 0, 'hex');
  elf.writeUInt16LE(2, 16); // an executable at fixed addresses
  elf.writeUInt16LE(machine, 18);
  elf.writeUInt32LE(1, 20); // version
  elf.writeBigUInt64LE(BigInt(BASE + headerBytes), 24); // where it begins
  elf.writeBigUInt64LE(BigInt(ELF_HEADER_BYTES), 32); // where its program header is
  elf.writeUInt16LE(ELF_HEADER_BYTES, 52);
  elf.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  elf.writeUInt16LE(1, 56); // program headers
  const segment = elf.subarray(ELF_HEADER_BYTES);
  segment.writeUInt32LE(1, 0); // to be loaded
  segment.writeUInt32LE(5, 4); // to be read and run
  segment.writeBigUInt64LE(BigInt(BASE), 16);
  segment.writeBigUInt64LE(BigInt(BASE), 24);
  segment.writeBigUInt64LE(BigInt(sizeBytes), 32); // in the file
  segment.writeBigUInt64LE(BigInt(sizeBytes), 40); // in memory
  segment.writeBigUInt64LE(BigInt(pageBytes), 48);
  return Buffer.concat([elf, instructions]);
}
