/** Try It Now's API with demos in containers of a real Docker (test/support/demo-engine.ts). */
import { demosIn } from '../support/demo-engine.ts';
import { DockerEngine } from '../support/docker.ts';

demosIn('docker', () => DockerEngine.start());
