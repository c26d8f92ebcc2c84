import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { ProblemDto } from './http/index.js';

const DESCRIPTION = `Obtains a person's agreement to the processing of their personal data and proves it, by a one-time
code sent to their phone. Create an agreement, let the person type the code, confirm it. Whatever goes wrong is answered
with \`application/problem+json\`; its \`code\` is the stable part.`;

/** The OpenAPI document, made from the controllers. */
export function createOpenApi(app: NestFastifyApplication): OpenAPIObject {
  const options = new DocumentBuilder()
    .setTitle('Agreement service')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key. Not needed while none are configured.' })
    .addTag('agreement', 'From the first code to the withdrawal')
    .addTag('sandbox', 'The texts that were not sent: outside production only')
    .addTag('health', 'Probes')
    .build();
  return SwaggerModule.createDocument(app, options, { extraModels: [ProblemDto] });
}

/** Swagger UI at /docs and the document at /docs-json. */
export function serveDocs(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, () => createOpenApi(app), { customSiteTitle: 'Agreement service' });
}
