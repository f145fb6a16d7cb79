//! What a name server answers to somebody at a given place, asked by the EDNS client subnet (RFC 7871).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsOption};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use crate::line::Continent;

const TRIES: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(2);
/// The largest answer that no path cuts into pieces (the DNS flag day of 2020).
const PAYLOAD: u16 = 1232;

/// An address on a continent, or at no known place, to ask with: the first host of a well-known network there.
pub fn vantage(continent: Option<Continent>) -> Ipv4Addr {
    match continent {
        // AT&T, United States.
        Some(Continent::NorthAmerica) => Ipv4Addr::new(12, 0, 0, 1),
        // RIPE NCC, Netherlands.
        Some(Continent::Europe) => Ipv4Addr::new(193, 0, 0, 1),
        // WIDE Project, Japan.
        Some(Continent::Asia) => Ipv4Addr::new(203, 178, 128, 1),
        // NIC.br, Brazil.
        Some(Continent::SouthAmerica) => Ipv4Addr::new(200, 160, 0, 1),
        // Telkom, South Africa.
        Some(Continent::Africa) => Ipv4Addr::new(196, 25, 0, 1),
        // Telstra, Australia.
        Some(Continent::Oceania) => Ipv4Addr::new(1, 128, 0, 1),
        // Said to be in Antarctica; databases disagree about its networks, so this is the least sure.
        Some(Continent::Antarctica) => Ipv4Addr::new(206, 193, 192, 1),
        // For documentation (RFC 5737): nobody's, hence at no place.
        None => Ipv4Addr::new(198, 51, 100, 1),
    }
}

/// A name server's address: written as `address:port` or `address`, or found by its name; port 53 unless told.
pub async fn locate_server(server: &str) -> Result<SocketAddr> {
    if let Ok(address) = server.parse::<SocketAddr>() {
        return Ok(address);
    }
    if let Ok(address) = server.parse::<IpAddr>() {
        return Ok((address, 53).into());
    }
    let found = tokio::net::lookup_host((server, 53)).await;
    let found = found.with_context(|| format!("cannot find the name server `{server}`"))?;
    found
        .min_by_key(SocketAddr::is_ipv6)
        .with_context(|| format!("the name server `{server}` has no address"))
}

/// The IPv4 addresses that a server answers for a name to somebody in the /24 network around `from`.
///
/// Two tries of two seconds over UDP; an answer without addresses is an empty list, a refusal is an error.
pub async fn resolve(server: SocketAddr, name: &str, from: Ipv4Addr) -> Result<Vec<Ipv4Addr>> {
    // RFC 7871, 6: bits beyond the prefix must be zero.
    let [a, b, c, _] = from.octets();
    let subnet = ClientSubnet::new(IpAddr::from([a, b, c, 0]), 24, 0);
    let answer = ask_patiently(server, name, RecordType::A, Some(subnet)).await?;
    read(&answer)
        .with_context(|| format!("{server} has no answer for `{name}` (asked from {from})"))
}

/// The names of the servers that answer for a zone, as a server or resolver sees them: lower-case, without trailing dots.
///
/// None when it is led to no such zone.
pub async fn delegation(server: SocketAddr, zone: &str) -> Result<Vec<String>> {
    let answer = ask_patiently(server, zone, RecordType::NS, None).await?;
    if answer.metadata.response_code == ResponseCode::NXDomain {
        return Ok(Vec::new());
    }
    refuse(&answer).with_context(|| format!("{server} knows no name servers of `{zone}`"))?;
    let name = |data: &RData| match data {
        RData::NS(server) => Some(server.to_string().trim_end_matches('.').to_lowercase()),
        _ => None,
    };
    let found = answer
        .answers
        .iter()
        .filter_map(|record| name(&record.data));
    let mut names: Vec<String> = found.collect();
    names.sort();
    Ok(names)
}

/// Asks up to twice over UDP.
async fn ask_patiently(
    server: SocketAddr,
    name: &str,
    kind: RecordType,
    subnet: Option<ClientSubnet>,
) -> Result<Message> {
    let query = query(name, kind, subnet)?;
    for _ in 0..TRIES {
        let asked = ask(server, &query)
            .await
            .with_context(|| format!("cannot ask {server} for `{name}`"))?;
        if let Some(answer) = asked {
            return Ok(answer);
        }
    }
    bail!("{server} did not answer for `{name}` within {PATIENCE:?}, asked {TRIES} times")
}

fn query(name: &str, kind: RecordType, subnet: Option<ClientSubnet>) -> Result<Message> {
    let mut full = Name::from_ascii(name).with_context(|| format!("`{name}` is no host name"))?;
    full.set_fqdn(true);
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    if let Some(subnet) = subnet {
        edns.options_mut().insert(EdnsOption::Subnet(subnet));
    }
    let mut query = Message::query();
    // A profile may name a resolver; an authoritative server does not mind.
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(full, kind));
    query.set_edns(edns);
    Ok(query)
}

/// Sends a query once; `None` when nothing that answers it came in time.
async fn ask(server: SocketAddr, query: &Message) -> Result<Option<Message>> {
    let local: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(server).await?;
    socket.send(&query.to_vec()?).await?;
    let deadline = Instant::now() + PATIENCE;
    let mut buffer = [0; PAYLOAD as usize];
    while let Ok(received) = timeout_at(deadline, socket.recv(&mut buffer)).await {
        // Something else from the same port (a late answer to another question) is not for us.
        if let Ok(answer) = Message::from_vec(&buffer[..received?])
            && is_answer(query, &answer)
        {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

fn is_answer(query: &Message, answer: &Message) -> bool {
    // A server that cannot read a question may leave it out of its answer.
    let is_same_question = answer.queries.is_empty() || answer.queries == query.queries;
    answer.metadata.message_type == MessageType::Response
        && answer.metadata.id == query.metadata.id
        && is_same_question
}

/// Whether the server answered at all, and if not, why.
fn refuse(answer: &Message) -> Result<()> {
    match answer.metadata.response_code {
        ResponseCode::NoError => Ok(()),
        ResponseCode::NXDomain => bail!("the name does not exist (NXDOMAIN)"),
        ResponseCode::Refused => {
            bail!("it refuses the question (REFUSED): the name is in none of its zones")
        }
        other => bail!("it answered: {other}"),
    }
}

fn read(answer: &Message) -> Result<Vec<Ipv4Addr>> {
    refuse(answer)?;
    let address = |data: &RData| match data {
        RData::A(address) => Some(address.0),
        _ => None,
    };
    let addresses: Vec<Ipv4Addr> = answer
        .answers
        .iter()
        .filter_map(|record| address(&record.data))
        .collect();
    if addresses.is_empty() && answer.metadata.truncation {
        bail!("its answer does not fit into a UDP packet");
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::Record;
    use hickory_proto::rr::rdata::opt::EdnsCode;
    use hickory_proto::rr::rdata::{A, CNAME, NS};

    use super::*;

    /// Answers datagrams with what a function makes of them; silence where it makes nothing.
    async fn serve(mut answer: impl FnMut(Message) -> Vec<Message> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                for message in answer(Message::from_vec(&buffer[..length]).unwrap()) {
                    socket
                        .send_to(&message.to_vec().unwrap(), client)
                        .await
                        .unwrap();
                }
            }
        });
        address
    }

    fn reply(query: &Message, addresses: &[Ipv4Addr]) -> Message {
        let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
        reply.add_queries(query.queries.clone());
        let name = query.queries[0].name().clone();
        reply.add_answer(Record::from_rdata(
            name.clone(),
            60,
            RData::CNAME(CNAME(name.clone())),
        ));
        reply.add_answers(
            addresses
                .iter()
                .map(|address| Record::from_rdata(name.clone(), 60, RData::A(A(*address)))),
        );
        reply
    }

    fn subnet_of(query: &Message) -> ClientSubnet {
        match query
            .edns
            .as_ref()
            .and_then(|edns| edns.option(EdnsCode::Subnet))
        {
            Some(EdnsOption::Subnet(subnet)) => *subnet,
            other => panic!("no client subnet: {other:?}"),
        }
    }

    #[tokio::test]
    async fn the_question_carries_the_network_and_the_answer_its_addresses() {
        let server = serve(|query| {
            let subnet = subnet_of(&query);
            assert_eq!((subnet.source_prefix(), subnet.scope_prefix()), (24, 0));
            let IpAddr::V4(network) = subnet.addr() else {
                panic!("not IPv4")
            };
            vec![reply(&query, &[network])]
        });
        let seen = resolve(
            server.await,
            "llm.example.com",
            Ipv4Addr::new(203, 178, 128, 77),
        )
        .await
        .unwrap();
        assert_eq!(seen, [Ipv4Addr::new(203, 178, 128, 0)]);
    }

    #[tokio::test]
    async fn a_strangers_answer_is_passed_over_and_a_lost_one_asked_for_again() {
        let mut asked = 0;
        let server = serve(move |query| {
            asked += 1;
            let mut stranger = reply(&query, &[Ipv4Addr::new(198, 18, 6, 6)]);
            stranger.metadata.id ^= 1;
            match asked {
                1 => vec![stranger],
                _ => vec![stranger, reply(&query, &[Ipv4Addr::new(198, 18, 0, 1)])],
            }
        });
        let seen = resolve(server.await, "llm.example.com", vantage(None))
            .await
            .unwrap();
        assert_eq!(seen, [Ipv4Addr::new(198, 18, 0, 1)]);
    }

    #[tokio::test]
    async fn refusals_and_nonsense_are_told() {
        let refuse = |code: ResponseCode| async move {
            let server = serve(move |query| {
                let mut refusal =
                    Message::error_msg(query.metadata.id, query.metadata.op_code, code);
                refusal.add_queries(query.queries);
                vec![refusal]
            });
            format!(
                "{:#}",
                resolve(server.await, "llm.example.com", vantage(None))
                    .await
                    .unwrap_err()
            )
        };
        assert!(
            refuse(ResponseCode::NXDomain)
                .await
                .ends_with("the name does not exist (NXDOMAIN)")
        );
        assert!(refuse(ResponseCode::Refused).await.contains("REFUSED"));
        assert!(
            refuse(ResponseCode::ServFail)
                .await
                .contains("Server Failure")
        );
        assert!(
            resolve("127.0.0.1:9".parse().unwrap(), "a..b", Ipv4Addr::LOCALHOST)
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_delegation_is_its_servers_names_and_a_missing_one_is_none() {
        let server = serve(|query| {
            let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
            reply.add_queries(query.queries.clone());
            let name = query.queries[0].name().clone();
            if name.to_string().starts_with("none.") {
                reply.metadata.response_code = ResponseCode::NXDomain;
                return vec![reply];
            }
            for server in ["NS-2.awsdns.org.", "ns-1.awsdns.com."] {
                let data = RData::NS(NS(Name::from_ascii(server).unwrap()));
                reply.add_answer(Record::from_rdata(name.clone(), 60, data));
            }
            vec![reply]
        });
        let server = server.await;
        let seen = delegation(server, "example.com").await.unwrap();
        assert_eq!(seen, ["ns-1.awsdns.com", "ns-2.awsdns.org"]);
        assert!(
            delegation(server, "none.example.com")
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn servers_are_found_as_they_are_written() {
        assert_eq!(
            locate_server("127.0.0.1:5353").await.unwrap().to_string(),
            "127.0.0.1:5353"
        );
        assert_eq!(
            locate_server("127.0.0.1").await.unwrap().to_string(),
            "127.0.0.1:53"
        );
        assert_eq!(locate_server("localhost").await.unwrap().port(), 53);
    }

    #[test]
    fn every_place_is_asked_from_another_network() {
        let everywhere = Continent::ALL.into_iter().map(Some).chain([None]);
        let networks: std::collections::BTreeSet<_> = everywhere.map(vantage).collect();
        assert_eq!(networks.len(), 8);
    }
}
