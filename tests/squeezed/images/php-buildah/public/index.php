<?php
header('Content-Type: application/json');
$page = new SimpleXMLElement('<harbour><ship name="Ada"/></harbour>');
echo json_encode(['path' => $_SERVER['REQUEST_URI'], 'ship' => (string) $page->ship['name'], 'upper' => mb_strtoupper('größe')]);
