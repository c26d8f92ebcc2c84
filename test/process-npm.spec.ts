import { describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useProcesses } from './support/process.js';
import { postgresIn } from './support/process-list.js';
import { copyProject } from './support/program.js';
import { until } from './support/until.js';

describe('npm start', () => {
  const processes = useProcesses();

  it('builds, runs the whole walk on its own database, and ends well by Ctrl-C', async () => {
    const folder = await processes.folder();
    const service = await (await processes.npmStart(await copyProject(folder))).ready();
    await until('the greeting', () => service.stderr.includes('The agreement service is ready.'));
    const phone = freshPhone();
    const { body } = await service.api.create({ phone });
    const code = await service.api.codeSentTo(phone);
    expect(await service.api.confirm(body['reference'], code)).toMatchObject({ status: 200 });
    expect(postgresIn(folder).length).toBeGreaterThan(1);

    await service.stop('SIGINT');
    await until('the service has said goodbye', () => service.log.at(-1)?.['msg'] === 'stopped');
    expect(postgresIn(folder)).toEqual([]);
  });
});
