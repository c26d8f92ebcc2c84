import {
  type AclEntry,
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  ResourcePatternTypes,
} from 'kafkajs';

/** The properties of a broker that forbids nothing until it is told to. */
export const FORBIDDING = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'allow.everyone.if.no.acl.found': 'true',
};

/** Denies everybody a group. @returns takes it back */
export async function denyGroup(admin: Admin, groupId: string): Promise<() => Promise<void>> {
  return deny(admin, {
    resourceType: AclResourceTypes.GROUP,
    resourceName: groupId,
    operation: AclOperationTypes.READ,
  });
}

/** Lets nobody make a topic. @returns takes it back */
export async function denyNewTopics(admin: Admin): Promise<() => Promise<void>> {
  const operation = AclOperationTypes.CREATE;
  return deny(admin, { resourceType: AclResourceTypes.TOPIC, resourceName: '*', operation });
}

type Denied = Pick<AclEntry, 'resourceType' | 'resourceName' | 'operation'>;

async function deny(admin: Admin, denied: Denied): Promise<() => Promise<void>> {
  const entry = {
    ...denied,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: 'User:ANONYMOUS',
    host: '*',
    permissionType: AclPermissionTypes.DENY,
  };
  await admin.createAcls({ acl: [entry] });
  return async () => {
    await admin.deleteAcls({ filters: [entry] });
  };
}
