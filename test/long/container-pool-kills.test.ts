/** A pool of containers keeps its word although agents and keepers are killed (test/support/pool-kills.ts). */
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { poolUnderKills } from '../support/pool-kills.ts';

let engine: DockerEngine | undefined;

poolUnderKills(
  'a Docker engine',
  async () => {
    engine = await DockerEngine.start();
    const { remains } = engine;
    return {
      template: {
        ...{ driver: 'docker', image: IMAGE, ports: [{ name: 'http', container: 80 }] },
        command: [
          ...['sh', '-c'],
          'mkdir /www; echo "$NAME" > /www/index.html; exec busybox httpd -f -p 80 -h /www',
        ],
      },
      environment: { SHOAL_DOCKER: engine.socket },
      ports: { from: 31_000, to: 31_999 },
      beside: remains.bind(engine),
    };
  },
  async () => {
    await engine?.[Symbol.asyncDispose]();
  },
);
