<?php $d = new PDO("sqlite::memory:"); echo $d->query("select 6 * 7")->fetchColumn();
