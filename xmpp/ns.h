/* The namespaces we speak, under the names of their specifications. */
#ifndef XMPP_NS_H
#define XMPP_NS_H

#define NS_COMPONENT     "jabber:component:accept"                /* XEP-0114 */
#define NS_STREAM        "http://etherx.jabber.org/streams"       /* RFC 6120, 4.8 */
#define NS_STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams"    /* RFC 6120, 4.9.3 */
#define NS_STANZA_ERRORS "urn:ietf:params:xml:ns:xmpp-stanzas"    /* RFC 6120, 8.3.3 */
#define NS_ROSTER        "jabber:iq:roster"                       /* RFC 6121, 2 */
#define NS_VERSION       "jabber:iq:version"                      /* XEP-0092 */
#define NS_PING          "urn:xmpp:ping"                          /* XEP-0199 */
#define NS_DISCO_INFO    "http://jabber.org/protocol/disco#info"  /* XEP-0030 */
#define NS_DISCO_ITEMS   "http://jabber.org/protocol/disco#items" /* XEP-0030 */
#define NS_COMMANDS      "http://jabber.org/protocol/commands"    /* XEP-0050 */
#define NS_DATA          "jabber:x:data"                          /* XEP-0004 */
#define NS_ADMIN         "http://jabber.org/protocol/admin"       /* XEP-0133 */
#define NS_REGISTER      "jabber:iq:register"                     /* XEP-0077 */
#define NS_OOB           "jabber:x:oob"                           /* XEP-0066 */
#define NS_PRIVILEGE     "urn:xmpp:privilege:2"                   /* XEP-0356, version 2 */

#endif
