/**
 * Makes sure that what a run has to itself of its machine, ports and devices, is chosen before it
 * starts, kept with it, and free again when it is over.
 */
import type { StartInput } from '../jobs.ts';
import type { Devices } from './devices.ts';
import type { Ports } from './ports.ts';
import type { Kept } from './run-folder.ts';

/** What an agent gives away; all its drivers share it. */
export class Given {
  readonly #ports: Pick<Ports, 'take' | 'keep' | 'release' | 'forget'>;
  readonly #devices: Devices;

  constructor(ports: Pick<Ports, 'take' | 'keep' | 'release' | 'forget'>, devices: Devices) {
    this.#ports = ports;
    this.#devices = devices;
  }

  /** For a run, as its spec asks. Throws with what there is none of; then it has nothing. */
  async take(input: StartInput): Promise<Pick<Kept, 'ports' | 'devices'>> {
    const devices = this.#devices.take(input);
    try {
      const ports = await this.#ports.take(input);
      return Object.keys(devices).length === 0 ? { ports } : { ports, devices };
    } catch (error) {
      this.#devices.release(input);
      throw error;
    }
  }

  /** What a run has although this process did not choose it. */
  keep(kept: Kept): void {
    this.#ports.keep(kept);
    this.#devices.keep(kept.input, kept.devices);
  }

  /** Nothing of an instance runs any more, or is left: what its parts shared is free again. */
  forget(name: string): void {
    this.#ports.forget(name);
  }

  /** What this run has is free again; what another one has stays. */
  release(input: StartInput): void {
    this.#ports.release(input);
    this.#devices.release(input);
  }
}
