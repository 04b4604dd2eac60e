import { UNKNOWN, type Rule } from './rule';

/**
 * Security policies that speak TLS 1.2 or 1.3 and nothing older (Application Load Balancers user guide, "Security
 * policies for your Application Load Balancer"), those of FIPS and post-quantum key exchange included.
 */
const MODERN = /^ELBSecurityPolicy-(TLS13-1-[23]|TLS-1-2|FS-1-2)(-|$)/;

export const tlsPolicy: Rule = {
  name: 'tls-policy',
  description: 'Listeners with TLS speak 1.2 or later.',
  severity: 'high',
  types: ['aws:lb/listener:Listener', 'aws:alb/listener:Listener'],
  check({ props }) {
    const { protocol, sslPolicy } = props;
    if ((protocol !== 'HTTPS' && protocol !== 'TLS') || sslPolicy === UNKNOWN) return [];
    if (typeof sslPolicy === 'string' && MODERN.test(sslPolicy)) return [];
    const is = typeof sslPolicy === 'string' ? sslPolicy : "not set, and AWS's default speaks TLS 1.0";
    return [`sslPolicy is ${is}: take one of TLS 1.2 or later, such as ELBSecurityPolicy-TLS13-1-2-2021-06`];
  },
};
