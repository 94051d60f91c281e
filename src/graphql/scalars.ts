import { GraphQLDateTime, GraphQLEmailAddress, GraphQLIP } from 'graphql-scalars';

export { GraphQLDateTime as DateTime, GraphQLEmailAddress as EmailAddress, GraphQLIP as IP };
