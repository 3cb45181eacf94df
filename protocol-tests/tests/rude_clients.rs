//! Clients that claim and do not send, ask and do not read, or hang up: nobody else notices (FAULTS, hostile input).

use std::time::{Duration, Instant};

use gracchus_wire::Request;
use gracchus_wire::messages::{ApiVersionsRequest, FetchRequest, MetadataRequest, fetch_request as f};
use protocol_tests::client::{produce_request, topic_name};
use protocol_tests::process::serve;
use protocol_tests::{Client, TestBroker, batch};
use tokio::io::AsyncReadExt;

fn long_poll(topic: &str) -> Request {
    let partition = f::FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = f::FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![partition]);
    let request = FetchRequest::default().with_replica_id((-1).into()).with_session_epoch(-1);
    Request::Fetch(
        request.with_topics(vec![topic]).with_max_wait_ms(i32::MAX).with_min_bytes(1).with_max_bytes(1 << 20),
    )
}

#[tokio::test]
async fn frames_that_are_claimed_and_never_sent_take_no_memory_from_others() {
    let max = ("socket.request.max.bytes", "2000000");
    let broker = TestBroker::start_with(&[max, ("queued.max.request.bytes", "2000000")]).await;
    let mut rude = Vec::new();
    for sent in [0, 1, 1000] {
        for _ in 0..20 {
            let mut client = broker.client().await;
            client.send_raw(&2_000_000_i32.to_be_bytes()).await;
            client.send_raw(&vec![0; sent]).await;
            rude.push(client);
        }
    }
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    let value = "x".repeat(900_000);
    let answer = client.produce("t", 0, -1, batch::values(&[&value])).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    drop(rude);
}

#[tokio::test]
async fn a_client_that_hangs_up_during_a_long_poll_gives_its_place_back() {
    let broker = TestBroker::start_with(&[("max.connections", "2")]).await;
    let mut other = broker.client().await;
    other.create_topic("t", 1, &[]).await;
    let mut poller = broker.client().await;
    poller.send(11, &long_poll("t")).await;
    drop(poller);
    let request = Request::ApiVersions(ApiVersionsRequest::default());
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut tries = tokio::time::interval(Duration::from_millis(50));
    loop {
        tries.tick().await;
        let mut next = broker.client().await;
        next.send(0, &request).await;
        if next.receive_raw().await.is_some() {
            return;
        }
        assert!(Instant::now() < deadline, "the place of the client that is gone is still taken");
    }
}

#[tokio::test]
async fn a_client_that_closes_only_its_sending_side_still_gets_its_answer() {
    let broker = TestBroker::start().await;
    let request = Request::Metadata(MetadataRequest::default().with_topics(None));
    let frame = gracchus_wire::client::encode_request(9, 1, None, &request).unwrap();
    let mut stream = tokio::net::TcpStream::connect(broker.address()).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, &frame).await.unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
    assert!(stream.read_i32().await.unwrap() > 0);
}

#[tokio::test]
async fn a_stop_takes_two_seconds_at_most_whatever_clients_do() {
    let mut broker = TestBroker::start().await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    let value = "x".repeat(1_000_000);
    for _ in 0..40 {
        client.produce("t", 0, 1, batch::values(&[&value])).await;
    }
    // One does not read 40 MB, one waits for ever, one is in the middle of a frame, and one is idle.
    let mut rude = Vec::new();
    for _ in 0..3 {
        rude.push(broker.client().await);
    }
    for _ in 0..40 {
        rude[0].send(11, &everything("t")).await;
    }
    rude[1].send(11, &long_poll("empty")).await;
    rude[2].send_raw(&1000_i32.to_be_bytes()).await;
    let began = Instant::now();
    broker.stop().await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    drop((rude, client));
}

#[tokio::test]
async fn connections_whose_peers_are_silent_are_closed_and_those_that_are_used_are_not() {
    const IDLE: Duration = Duration::from_secs(1);
    let idle_ms = IDLE.as_millis().to_string();
    let broker = TestBroker::start_with(&[("connections.max.idle.ms", &idle_ms)]).await;
    let mut used = broker.client().await;
    used.create_topic("t", 1, &[]).await;
    // One has never sent anything, one has been answered: so looks a peer that is gone without a word.
    let mut silent = [broker.client().await, broker.client().await];
    silent[1].send(0, &api_versions()).await;
    assert!(silent[1].receive_raw().await.is_some());
    let began = Instant::now();
    let mut often = tokio::time::interval(IDLE / 8);
    while began.elapsed() < IDLE * 2 {
        often.tick().await;
        assert_eq!(used.metadata().await.brokers.len(), 1);
    }
    for mut client in silent {
        client.expect_closed().await;
    }
    assert_eq!(used.metadata().await.brokers.len(), 1);
}

#[tokio::test]
async fn a_long_poll_of_weeks_keeps_no_connection_longer_than_it_may_be_idle() {
    const IDLE: Duration = Duration::from_secs(1);
    let idle_ms = IDLE.as_millis().to_string();
    let broker = TestBroker::start_with(&[("connections.max.idle.ms", &idle_ms)]).await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    let began = Instant::now();
    client.send(11, &long_poll("t")).await;
    client.expect_closed().await;
    assert!(began.elapsed() >= IDLE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_peer_that_takes_no_answer_loses_its_connection_and_gives_its_place_back() {
    let settings = [("connections.max.idle.ms", "1000"), ("max.connections", "2")];
    let broker = TestBroker::start_with(&settings).await;
    let mut stuck = broker.client().await;
    stuck.create_topic("t", 1, &[]).await;
    let value = "x".repeat(1_000_000);
    for _ in 0..20 {
        stuck.produce("t", 0, 1, batch::values(&[&value])).await;
    }
    // More than sockets hold, and nobody reads.
    for _ in 0..5 {
        stuck.send(11, &everything("t")).await;
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut tries = tokio::time::interval(Duration::from_millis(50));
    let mut others = Vec::new();
    // Two at a time are served: one beside the one that is stuck, two when it is gone.
    while others.len() < 2 {
        tries.tick().await;
        let mut next = broker.client().await;
        next.send(0, &api_versions()).await;
        if next.receive_raw().await.is_some() {
            others.push(next);
        }
        for other in &mut others {
            other.send(0, &api_versions()).await;
            assert!(other.receive_raw().await.is_some(), "who is served and asks stays");
        }
        assert!(Instant::now() < deadline, "the place of the one that takes nothing is still taken");
    }
    drop(stuck);
}

fn everything(topic: &str) -> Request {
    let partition = f::FetchPartition::default().with_partition_max_bytes(i32::MAX);
    let topic = f::FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![partition]);
    let request = FetchRequest::default().with_replica_id((-1).into()).with_session_epoch(-1);
    Request::Fetch(request.with_topics(vec![topic]).with_max_bytes(i32::MAX))
}

#[tokio::test]
async fn only_who_waits_for_replicas_can_be_late() {
    let broker = TestBroker::start().await;
    let mut client: Client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    for offset in 0..50 {
        let request = produce_request("t", 0, 1, batch::values(&["x"])).with_timeout_ms(0);
        let gracchus_wire::Response::Produce(answer) = client.ask(9, &Request::Produce(request)).await else {
            panic!("not Produce")
        };
        let answer = &answer.responses[0].partition_responses[0];
        assert_eq!((answer.error_code, answer.base_offset), (0, offset));
    }
}

fn api_versions() -> Request {
    Request::ApiVersions(ApiVersionsRequest::default())
}

#[tokio::test]
async fn when_descriptors_are_used_up_who_is_connected_goes_on_and_others_wait_for_their_turn() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    client.create_topic("t", 1, &[]).await;
    client.produce("t", 0, -1, batch::values(&["first"])).await;
    process.limit_open_files(process.open_files() as u64 + 5);
    let mut crowd = Vec::new();
    for _ in 0..40 {
        let mut one = Client::connect(address).await;
        one.send(0, &api_versions()).await;
        crowd.push(one);
    }
    for offset in 1..20 {
        let answer = client.produce("t", 0, -1, batch::values(&["x"])).await;
        let answer = &answer.responses[0].partition_responses[0];
        assert_eq!((answer.error_code, answer.base_offset), (0, offset));
    }
    // Each gives its place to the next.
    for mut one in crowd {
        assert!(one.receive_raw().await.is_some(), "whoever waits is served in the end");
    }
    assert_eq!(client.metadata().await.brokers.len(), 1);
}

#[tokio::test]
async fn thousands_of_connections_that_come_and_go_leave_no_memory_behind() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (process, address) = serve(dir.path(), &[]);
    let come_and_go = async |rounds: usize| {
        for _ in 0..rounds {
            let mut crowd = Vec::new();
            for _ in 0..40 {
                let mut one = Client::connect(address).await;
                one.send(0, &api_versions()).await;
                crowd.push(one);
            }
            for one in &mut crowd {
                assert!(one.receive_raw().await.is_some());
            }
        }
    };
    come_and_go(10).await;
    let (before, files) = (process.memory_bytes(), process.open_files());
    come_and_go(50).await;
    let grown = process.memory_bytes().saturating_sub(before);
    assert!(grown < 2 * 1024 * 1024, "{grown} bytes");
    assert!(process.open_files() <= files + 40, "{} files, {files} before", process.open_files());
}
