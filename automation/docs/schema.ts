import { z } from 'zod';
import { ENVIRONMENT_KEY, environmentSchema, IMAGE_KEY, imageSchema } from '../../src/domain/config';
import { suiteSchema } from '../../src/domain/suite/schema';

/** A JSON Schema, as far as the generators of this folder look into it. */
export interface JsonSchema {
  type?: string;
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  [keyword: string]: unknown;
}

/**
 * The JSON Schema of `Pulumi.<environment>.yaml` and `Pulumi.image.yaml`, for editors to complete and check
 * by. Draft 7, since that is what their language servers know best.
 */
export function configurationFileSchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of a Bascule environment',
    description: 'Pulumi.<environment>.yaml, or Pulumi.image.yaml for the bake.',
    type: 'object',
    properties: {
      config: {
        type: 'object',
        properties: {
          [ENVIRONMENT_KEY]: sectionSchema(environmentSchema),
          [IMAGE_KEY]: sectionSchema(imageSchema),
        },
      },
    },
    required: ['config'],
  };
}

function sectionSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _draft, ...section } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return section as JsonSchema;
}

/** The content of schemas/environment.schema.json. */
export function schemaFile(): string {
  return `${JSON.stringify(configurationFileSchema(), null, 2)}\n`;
}

/** The JSON Schema of an HTTP suite that `deployment.tests` names. */
export function suiteFileSchema(): JsonSchema {
  const title = 'HTTP suite of a Bascule environment';
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...sectionSchema(suiteSchema) };
}

/** The content of schemas/suite.schema.json. */
export function suiteSchemaText(): string {
  return `${JSON.stringify(suiteFileSchema(), null, 2)}\n`;
}
