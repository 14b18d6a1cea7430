/** Try It Now's API with demos in containers of a real Podman (test/support/demo-engine.ts). */
import { demosIn } from '../support/demo-engine.ts';
import { PodmanEngine } from '../support/podman.ts';

demosIn('podman', () => PodmanEngine.start());
