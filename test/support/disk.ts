/** A disk of its own for a test: small, to be filled, made slow or taken away, gone in the end. */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './ports.ts';

const call = promisify(execFile);
/** Where the kernel is told how much a process may write to a device, in a second. */
const BLOCK_CONTROL = '/sys/fs/cgroup/blkio';

export class Disk implements AsyncDisposable {
  readonly folder: string;
  readonly #image: string | undefined;
  /** The control group of who is slowed down. */
  #slowed: string | undefined;

  private constructor(folder: string, image: string | undefined) {
    this.folder = folder;
    this.#image = image;
  }

  /** In memory, of some MiB, mounted at a folder that is made. Throws where nothing may be mounted. */
  static async inMemory(folder: string, mebibytes: number): Promise<Disk> {
    await mkdir(folder, { recursive: true });
    await call('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'none', folder]);
    return new Disk(folder, undefined);
  }

  /** In a file, as a block device. Throws where nothing may be mounted. */
  static async inFile(folder: string, image: string, mebibytes: number): Promise<Disk> {
    await mkdir(folder, { recursive: true });
    await call('truncate', ['-s', `${mebibytes}M`, image]);
    await call('mkfs.ext4', ['-q', '-O', '^has_journal', image]);
    const disk = new Disk(folder, image);
    await disk.#mount();
    return disk;
  }

  async fill(): Promise<void> {
    // Ends with an error when there is no room left: that is what is wanted.
    const all = ['if=/dev/zero', `of=${join(this.folder, 'fill')}`, 'bs=64k'];
    await call('dd', all).catch(() => undefined);
  }

  async free(): Promise<void> {
    await rm(join(this.folder, 'fill'));
  }

  /**
   * What a file system does that met an error: it takes no more writes until it is mounted anew.
   * What was written long ago is on the disk.
   */
  async failReadOnly(): Promise<void> {
    await call('sync', ['-f', this.folder]);
    const { stdout } = await call('findmnt', ['-no', 'SOURCE', this.folder]);
    await writeFile(`/sys/fs/ext4/${basename(stdout.trim())}/trigger_fs_error`, '1');
  }

  /** Lets a process write so many times a second: each of its flushes waits for its turn. */
  async slowDown(pid: number, writesPerSecond: number): Promise<void> {
    this.#slowed ??= join(BLOCK_CONTROL, `shoal-test-${pid}`);
    await mkdir(this.#slowed, { recursive: true });
    const { stdout } = await call('findmnt', ['-no', 'MAJ:MIN', this.folder]);
    const limit = `${stdout.trim()} ${writesPerSecond}`;
    await writeFile(join(this.#slowed, 'blkio.throttle.write_iops_device'), limit);
    await writeFile(join(this.#slowed, 'cgroup.procs'), String(pid));
  }

  /** As quick as it was. */
  async quicken(pid: number): Promise<void> {
    await writeFile(join(BLOCK_CONTROL, 'cgroup.procs'), String(pid));
  }

  /** Mounts it anew, as soon as nobody has it open. */
  async mountAnew(): Promise<void> {
    await this.#unmount();
    await this.#mount();
  }

  async #mount(): Promise<void> {
    await call('mount', ['-o', 'loop,errors=remount-ro', this.#image as string, this.folder]);
  }

  #unmount(): Promise<void> {
    const unmount = () =>
      call('umount', [this.folder]).then(
        () => true,
        () => false,
      );
    return eventually(unmount, 20_000, 'the disk to be let go');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const mounts = await readFile('/proc/mounts', 'utf8');
    if (mounts.includes(` ${this.folder} `)) await this.#unmount();
    if (this.#slowed !== undefined) await rmdir(this.#slowed);
    if (this.#image !== undefined) await rm(this.#image, { force: true });
  }
}

/** Why no disk of a kind can be had here; undefined: it can. `slow`: one in a file that is slowed down. */
export async function noDisk(kind: 'inMemory' | 'inFile' | 'slow'): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'only Linux mounts as these tests do';
  const control = join(BLOCK_CONTROL, 'blkio.throttle.write_iops_device');
  const isControlled = await access(control).then(
    () => true,
    () => false,
  );
  if (kind === 'slow' && !isControlled) return `there is no ${control}`;
  const folder = await mkdtemp(join(tmpdir(), 'shoal-test-disk-'));
  try {
    const at = join(folder, 'at');
    await using _ =
      kind === 'inMemory'
        ? await Disk.inMemory(at, 1)
        : await Disk.inFile(at, join(folder, 'image'), 4);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
